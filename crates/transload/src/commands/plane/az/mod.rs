//! `transload az setup`: the lines that point Microsoft's `az` at a control plane (contract, § 7).

mod shell;
mod trusted;

use std::net::IpAddr;
use std::path::Path;

use serde::Serialize;
use transload_client::api::cloud::CloudMetadata;
use transload_transfer::{Code, Error};
use url::{Host, Url};

use self::shell::Script;
use self::trusted::Trusted;
use super::{Plane, SecretAt, trouble};
use crate::cli::plane::{AzArgs, AzCommand, AzSetupArgs};
use crate::config::Environment;
use crate::exit::Exit;
use crate::output::{Output, Page};

/// Of these Python takes the first that is set, so that both are.
const PROXY: [&str; 2] = ["HTTPS_PROXY", "https_proxy"];
const NO_PROXY: [&str; 2] = ["NO_PROXY", "no_proxy"];
/// To where no proxy is asked. `localhost` is not among them: Python takes it for all that ends so, and names of vaults may.
const NEVER_BY_PROXY: &str = "127.0.0.1";
/// The cloud that az has from the start.
const AZURE: &str = "AzureCloud";

/// What was found out, and the script.
#[derive(Serialize)]
struct Setup {
    cloud: String,
    server: String,
    tenant: String,
    client_id: Option<String>,
    ca_bundle: Option<String>,
    connect_proxy: Option<String>,
    script: String,
}

pub(crate) async fn run(args: AzArgs, environment: &Environment, output: &Output) -> Result<Exit, Error> {
    let AzCommand::Setup(args) = args.command;
    check_name(&args.name)?;
    if args.undo {
        let script = undo(&args, environment);
        return show(&script, &serde_json::json!({"cloud": args.name, "script": script}), output);
    }
    let setup = setup(&args, environment).await?;
    show(&setup.script, &setup, output)
}

fn show(script: &str, value: &impl Serialize, output: &Output) -> Result<Exit, Error> {
    output.show("az_setup", value, || Page::new().text(script.to_owned()))?;
    Ok(Exit::Success)
}

async fn setup(args: &AzSetupArgs, environment: &Environment) -> Result<Setup, Error> {
    let plane = Plane::open(&args.connection, environment)?;
    let metadata = plane.client.metadata().await.map_err(trouble::error)?;
    let server = metadata.resource_manager.trim_end_matches('/').to_owned();
    if !server.starts_with("https://") {
        let text = "it has no TLS, and az sends a token to no server without";
        return Err(
            Error::new(Code::Usage, server, text).with_next("start `transload serve` without --tls-off")
        );
    }
    let signing_in = match args.no_login {
        true => None,
        false => Some(super::secret_at(&args.connection, environment)?),
    };
    if signing_in.is_some() {
        // what is wrong with it is told here and not by az
        plane.subscription().await?;
    }
    let trusted = match super::authority(&args.connection, environment)? {
        Some(own) => Some(trusted::write(environment, &args.name, &own)?),
        None => None,
    };
    let proxy = proxy(args, &server, &metadata);
    let mut script = Script::new(args.shell);
    script
        .comment(&format!("az towards {server}, for: eval \"$(transload az setup)\"; --undo takes it back"));
    settings(&mut script, args, trusted.as_ref());
    names(&mut script, proxy.as_deref(), &metadata);
    let tenant = metadata.authentication.tenant.clone();
    register(&mut script, args, &server, signing_in.as_ref().map(|at| (at, tenant.as_str())));
    Ok(Setup {
        cloud: args.name.clone(),
        server,
        tenant,
        client_id: signing_in.map(|(client_id, _)| client_id),
        ca_bundle: trusted.map(|trusted| trusted.file.display().to_string()),
        connect_proxy: proxy,
        script: script.text(),
    })
}

/// The proxy that was named, else the server's own where that is on this machine.
fn proxy(args: &AzSetupArgs, server: &str, metadata: &CloudMetadata) -> Option<String> {
    if args.no_connect || args.connect.is_some() {
        return args.connect.clone();
    }
    let own = metadata.transload.as_ref()?.connect_proxy.clone()?;
    is_here(server).then_some(own)
}

fn is_here(server: &str) -> bool {
    let url = Url::parse(server).ok();
    match url.as_ref().and_then(Url::host) {
        Some(Host::Ipv4(addr)) => IpAddr::V4(addr).is_loopback(),
        Some(Host::Ipv6(addr)) => IpAddr::V6(addr).is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

fn settings(script: &mut Script, args: &AzSetupArgs, trusted: Option<&Trusted>) {
    if let Some(folder) = &args.config_dir {
        script.comment("az keeps its settings there, and those in ~/.azure stay as they are");
        script.export(&["AZURE_CONFIG_DIR"], &absolute(folder));
    }
    if let Some(trusted) = trusted {
        script.comment(match trusted.system {
            Some(_) => "az trusts what is in this file alone: the system's authorities and the server's",
            None => "az trusts what is in this file alone: the server's authority; of the system's none were found",
        });
        script.export(&["REQUESTS_CA_BUNDLE"], &trusted.file.display().to_string());
    }
}

fn names(script: &mut Script, proxy: Option<&str>, metadata: &CloudMetadata) {
    let suffixes = &metadata.suffixes;
    let Some(proxy) = proxy else {
        script.comment(&format!(
            "NAME{} and NAME{} have to resolve to the server; `serve --connect-listen` does without",
            suffixes.key_vault_dns, suffixes.acr_login_server
        ));
        return;
    };
    script.comment("through this proxy all names of the server are reached, and nothing else");
    script.export(&PROXY, proxy);
    script.export(&NO_PROXY, NEVER_BY_PROXY);
}

fn register(
    script: &mut Script,
    args: &AzSetupArgs,
    server: &str,
    signing_in: Option<(&(String, SecretAt), &str)>,
) {
    let name = args.name.as_str();
    let cloud = |what| ["az", "cloud", what, "-n", name, "--endpoint-resource-manager", server];
    script.comment("az cloud register: az asks the server for the rest of its addresses");
    let known = format!("{} || {}", script.silent(&cloud("register")), script.command(&cloud("update")));
    let mut chain = vec![known, script.command(&["az", "cloud", "set", "-n", name])];
    script.comment(
        "core.instance_discovery: or else az asks login.microsoftonline.com whether it knows the server",
    );
    let quiet = ["az", "config", "set", "core.instance_discovery=false", "--only-show-errors"];
    chain.push(script.command(&quiet));
    if let Some(((client_id, at), tenant)) = signing_in {
        let (how, from) = match at {
            SecretAt::File(path) => (format!("@{}", absolute(path)), None),
            SecretAt::Env(name) => ("@-".to_owned(), Some(name)),
        };
        script.comment("az login: az reads the secret itself, so that it shows in no list of processes");
        let login = ["az", "login", "--service-principal", "-u", client_id, "-p", &how, "--tenant", tenant];
        let login = [&login[..], &["--output", "none", "--only-show-errors"]].concat();
        chain.push(match from {
            Some(name) => script.reading(name, &login),
            None => script.command(&login),
        });
    }
    script.chain(&chain);
}

fn undo(args: &AzSetupArgs, environment: &Environment) -> String {
    let mut script = Script::new(args.shell);
    script.comment("az towards Azure again; what az setup wrote stays and does no harm");
    if let Some(folder) = &args.config_dir {
        script.export(&["AZURE_CONFIG_DIR"], &absolute(folder));
    }
    // without a context there is nobody to sign out
    if let Ok((client_id, _)) = super::secret_at(&args.connection, environment) {
        let out = script.silent(&["az", "logout", "--username", &client_id]);
        script.chain(&[out]);
    }
    script.chain(&[
        script.command(&["az", "cloud", "set", "-n", AZURE, "--only-show-errors"]),
        script.command(&["az", "cloud", "unregister", "-n", &args.name]),
        script.command(&["az", "config", "unset", "core.instance_discovery", "--only-show-errors"]),
    ]);
    script.unset(&["REQUESTS_CA_BUNDLE", "AZURE_CONFIG_DIR"]);
    script.unset(&PROXY);
    script.unset(&NO_PROXY);
    script.text()
}

fn absolute(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}

/// A name as az takes it, which is the name of a file too.
fn check_name(name: &str) -> Result<(), Error> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    if name.is_empty() || name.len() > 64 || !name.chars().all(fits) {
        return Err(Error::new(
            Code::Usage,
            format!("--name {name}"),
            "a cloud's name is letters, digits, - and _",
        ));
    }
    if name.eq_ignore_ascii_case(AZURE) || ["AzureChinaCloud", "AzureUSGovernment"].contains(&name) {
        return Err(Error::new(
            Code::Usage,
            format!("--name {name}"),
            "az has a cloud of that name from the start",
        )
        .with_next("name it otherwise"));
    }
    Ok(())
}
