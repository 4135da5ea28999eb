//! `transload config`: what is in force, and whether the files are sound.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;
use transload_transfer::Error;

use crate::cli::{ConfigArgs, ConfigCommand, SettingsArgs};
use crate::config::Environment;
use crate::exit::Exit;
use crate::output::{Output, Page, Table};
use crate::settings::{
    Chosen, File, Keys, Levels, Origin, Problem, Section, Setting, Value, check, check_serve, files,
    is_secret, variable,
};

/// The settings in force.
#[derive(Serialize)]
struct Shown {
    /// The files that were read.
    files: Vec<PathBuf>,
    /// The profile that is used.
    profile: Option<String>,
    settings: Vec<ShownSetting>,
}

#[derive(Serialize)]
struct ShownSetting {
    key: String,
    /// One text, several, or true and false. Nothing where it is not set.
    value: Option<ShownValue>,
    /// Where it comes from.
    origin: String,
    /// The variable that would set it.
    variable: String,
    /// What it is for.
    about: String,
}

#[derive(Serialize)]
#[serde(untagged)]
enum ShownValue {
    Switch(bool),
    One(String),
    Many(Vec<String>),
}

/// What was checked, and what is wrong.
#[derive(Serialize)]
struct Checked {
    files: Vec<PathBuf>,
    profiles: Vec<String>,
    problems: Vec<Problem>,
    /// Variables that look like settings and are none.
    unknown_variables: BTreeMap<String, Option<String>>,
}

pub(crate) fn run(
    args: &ConfigArgs,
    chosen: &SettingsArgs,
    environment: &Environment,
    output: &Output,
) -> Result<Exit, Error> {
    let chosen = Chosen { config: chosen.config.clone(), profile: chosen.profile.clone() }.or(environment);
    let files = files(&chosen, environment)?;
    match &args.command {
        ConfigCommand::Show(args) => show(args.all, &files, &chosen, environment, output),
        ConfigCommand::Check => check_all(&files, &chosen, environment, output),
    }
}

fn show(
    all: bool,
    files: &[File],
    chosen: &Chosen,
    environment: &Environment,
    output: &Output,
) -> Result<Exit, Error> {
    let levels_of = |section| Levels::new(files, section, chosen.profile.as_deref(), &environment.variables);
    let levels = levels_of(Section::Others)?;
    let keys = Keys::all();
    let about = |key: &str| keys.0.get(key).map(|known| known.about.clone()).unwrap_or_default();
    let shown = |setting: &Setting| ShownSetting {
        key: setting.key.clone(),
        value: Some(value(&setting.value)),
        origin: setting.origin.to_string(),
        variable: variable(&setting.key),
        about: about(&setting.key),
    };
    let mut settings: Vec<ShownSetting> = levels.settings.iter().map(shown).collect();
    // what is set below [serve] is shown beside what holds for the other commands
    let served = levels_of(Section::Serve)?;
    let below = served.settings.iter().filter(|setting| matches!(setting.origin, Origin::Serve { .. }));
    settings.extend(
        below.map(|setting| ShownSetting { key: format!("serve.{}", setting.key), ..shown(setting) }),
    );
    if all {
        let unset = keys.0.keys().filter(|key| levels.settings.iter().all(|setting| setting.key != **key));
        settings.extend(unset.map(|key| ShownSetting {
            key: key.clone(),
            value: None,
            origin: "built in".to_owned(),
            variable: variable(key),
            about: about(key),
        }));
    }
    settings.sort_by(|a, b| a.key.cmp(&b.key));
    let shown = Shown {
        files: files.iter().map(|file| file.path.clone()).collect(),
        profile: levels.profile,
        settings,
    };
    output.show("settings", &shown, || page(&shown, all, chosen, environment))?;
    Ok(Exit::Success)
}

fn page(shown: &Shown, all: bool, chosen: &Chosen, environment: &Environment) -> Page {
    let mut above = if shown.files.is_empty() {
        let looked: Vec<String> =
            environment.settings_files.iter().map(|file| file.display().to_string()).collect();
        format!("no file of settings (looked for {})\n", looked.join(" and "))
    } else {
        shown.files.iter().map(|file| format!("settings from {}\n", file.display())).collect()
    };
    if let Some(profile) = &shown.profile {
        let why = if chosen.profile.is_some() { "" } else { ", which the file names" };
        above.push_str(&format!("profile {profile}{why}\n"));
    }
    let page = Page::new().text(above);
    if shown.settings.is_empty() {
        return page.text("nothing is set\n");
    }
    let mut table = match all {
        true => Table::new(["SETTING", "VALUE", "ORIGIN", "VARIABLE", "ABOUT"]).wraps(&[1, 2, 4]),
        false => Table::new(["SETTING", "VALUE", "ORIGIN"]).wraps(&[1, 2]),
    };
    for setting in &shown.settings {
        let value = setting.value.as_ref().map(text).unwrap_or_default();
        let mut row = vec![setting.key.as_str().into(), value.into(), setting.origin.as_str().into()];
        if all {
            row.extend([setting.variable.as_str().into(), setting.about.as_str().into()]);
        }
        table.row(row);
    }
    page.table(table)
}

fn value(value: &Value) -> ShownValue {
    match value {
        Value::Switch(on) => ShownValue::Switch(*on),
        Value::One(text) => ShownValue::One(hidden(text)),
        Value::Many(texts) => ShownValue::Many(texts.iter().map(|text| hidden(text)).collect()),
    }
}

fn text(value: &ShownValue) -> String {
    match value {
        ShownValue::Switch(on) => on.to_string(),
        ShownValue::One(text) => text.clone(),
        ShownValue::Many(texts) => texts.join(" "),
    }
}

fn hidden(text: &str) -> String {
    if is_secret(text) { "(not shown: there is a secret in it)".to_owned() } else { text.to_owned() }
}

fn check_all(
    files: &[File],
    chosen: &Chosen,
    environment: &Environment,
    output: &Output,
) -> Result<Exit, Error> {
    let keys = Keys::all();
    let mut problems = check(files, &keys);
    if problems.is_empty() {
        problems.extend(check_serve(files, chosen, environment));
    }
    let checked = Checked {
        files: files.iter().map(|file| file.path.clone()).collect(),
        profiles: files.iter().flat_map(|file| file.profiles.keys().cloned()).collect(),
        problems,
        unknown_variables: unknown_variables(&keys, environment),
    };
    output.show("settings_checked", &checked, || {
        let mut table = Table::new(["FILE", "LINE", "PROBLEM"]).right(&[1]).wraps(&[0, 2]);
        for problem in &checked.problems {
            table.row([
                problem.file.display().to_string().into(),
                problem.line.to_string().into(),
                problem.text.as_str().into(),
            ]);
        }
        let page = Page::new();
        match (checked.problems.as_slice(), checked.files.as_slice()) {
            ([], []) => page.text("no file of settings\n").rows(table),
            ([], files) => page
                .text(files.iter().map(|file| format!("{} is sound\n", file.display())).collect::<String>())
                .rows(table),
            _ => page.table(table),
        }
    })?;
    for (name, meant) in &checked.unknown_variables {
        let meant = meant.as_ref().map(|meant| format!("; did you mean {meant}?")).unwrap_or_default();
        output.warning(&format!("{name} is set and sets nothing{meant}"));
    }
    Ok(if checked.problems.is_empty() { Exit::Success } else { Exit::Usage })
}

/// Variables of ours that no option knows, and which was meant.
fn unknown_variables(keys: &Keys, environment: &Environment) -> BTreeMap<String, Option<String>> {
    let known: Vec<String> = keys.0.keys().map(|key| variable(key)).collect();
    let others = ["TRANSLOAD_CONFIG", "TRANSLOAD_PROFILE", "TRANSLOAD_SECRET"];
    let unknown =
        environment.variables.keys().filter(|name| !known.contains(name) && !others.contains(&name.as_str()));
    let nearest = |name: &str| Keys::nearest(name, known.iter().map(String::as_str)).map(str::to_owned);
    unknown.map(|name| (name.clone(), nearest(name))).collect()
}
