//! Lines of a script, in the language of a shell.

use crate::cli::plane::ShellArg;

/// A script that grows.
#[derive(Debug)]
pub(super) struct Script {
    shell: ShellArg,
    text: String,
}

impl Script {
    pub(super) fn new(shell: ShellArg) -> Self {
        Self { shell, text: String::new() }
    }

    pub(super) fn text(self) -> String {
        self.text
    }

    /// A comment; what cannot stand in one is left out.
    pub(super) fn comment(&mut self, text: &str) {
        let shown: String = text.chars().filter(|c| !c.is_control()).collect();
        self.line(&format!("# {shown}"));
    }

    /// Sets variables for all that the shell starts from now on.
    pub(super) fn export(&mut self, names: &[&str], value: &str) {
        let value = self.quoted(value);
        for name in names {
            match self.shell {
                ShellArg::Posix => self.line(&format!("export {name}={value}")),
                ShellArg::Fish => self.line(&format!("set -gx {name} {value}")),
                ShellArg::Powershell => self.line(&format!("$env:{name} = {value}")),
            }
        }
    }

    pub(super) fn unset(&mut self, names: &[&str]) {
        for name in names {
            match self.shell {
                ShellArg::Posix => self.line(&format!("unset {name}")),
                ShellArg::Fish => self.line(&format!("set -e {name}")),
                ShellArg::Powershell => {
                    self.line(&format!("Remove-Item -ErrorAction SilentlyContinue Env:{name}"));
                }
            }
        }
    }

    /// Commands one after the other, each if the ones before it went well. In all three languages `&&` and `||` stand side by
    /// side and bind to the left, so that a command may be `a || b`.
    pub(super) fn chain(&mut self, commands: &[String]) {
        let joined = commands.join(" &&\n  ");
        self.line(&joined);
    }

    /// A command, each word quoted where it has to be.
    pub(super) fn command(&self, words: &[&str]) -> String {
        words.iter().map(|word| self.quoted(word)).collect::<Vec<_>>().join(" ")
    }

    /// The same, with what it says of failures left out.
    pub(super) fn silent(&self, words: &[&str]) -> String {
        let null = if self.shell == ShellArg::Powershell { "$null" } else { "/dev/null" };
        format!("{} 2>{null}", self.command(words))
    }

    /// The same, with a variable's value on its standard input. The shell writes it itself, so that no list of processes
    /// shows it.
    pub(super) fn reading(&self, variable: &str, words: &[&str]) -> String {
        let command = self.command(words);
        match self.shell {
            ShellArg::Posix | ShellArg::Fish => format!("printf %s \"${variable}\" | {command}"),
            ShellArg::Powershell => format!("$env:{variable} | {command}"),
        }
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn quoted(&self, word: &str) -> String {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._/:=+@".contains(c);
        if !word.is_empty() && word.chars().all(plain) && self.shell != ShellArg::Powershell {
            return word.to_owned();
        }
        match self.shell {
            ShellArg::Posix => format!("'{}'", word.replace('\'', "'\\''")),
            ShellArg::Fish => format!("'{}'", word.replace('\\', "\\\\").replace('\'', "\\'")),
            ShellArg::Powershell if is_word(word) => word.to_owned(),
            ShellArg::Powershell => format!("'{}'", word.replace('\'', "''")),
        }
    }
}

/// Whether PowerShell takes it for a word of a command, and not for a value: a value is quoted.
fn is_word(word: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphabetic() || c == '-';
    !word.is_empty() && word.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn odd() -> &'static str {
        "/a b/it's $HOME `x` \"q\" \\n"
    }

    #[test]
    fn a_shell_gives_back_what_was_quoted_for_it() {
        let mut script = Script::new(ShellArg::Posix);
        script.export(&["ODD"], odd());
        let print = script.command(&["printf", "%s|%s", odd(), "@-"]);
        script.chain(&["false || true".to_owned(), print, script.reading("ODD", &["cat"])]);
        let said = std::process::Command::new("/bin/sh").args(["-c", &script.text()]).output();
        assert_eq!(
            said.map(|said| String::from_utf8_lossy(&said.stdout).into_owned()).ok(),
            Some(format!("{0}|@-{0}", odd()))
        );
    }

    #[test]
    fn each_language_has_its_own_quotes() {
        let line = |shell| Script::new(shell).command(&["az", "--x", "it's"]);
        assert_eq!(line(ShellArg::Posix), "az --x 'it'\\''s'");
        assert_eq!(line(ShellArg::Fish), "az --x 'it\\'s'");
        assert_eq!(line(ShellArg::Powershell), "az --x 'it''s'");
        let mut script = Script::new(ShellArg::Powershell);
        script.export(&["A"], "https://x:1");
        script.comment("a\nb");
        assert_eq!(script.text(), "$env:A = 'https://x:1'\n# ab\n");
    }
}
