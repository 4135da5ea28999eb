//! Reading what the program said.

use serde_json::Value;
use transload_testkit::cli::Finished;

/// What a finished program said, and whether that is as it should be.
pub(crate) trait Said {
    /// It refused with this exit code and this error code, and said what to do next. Gives that advice.
    fn refused(&self, exit: i32, code: &str) -> String;
    /// The parser of the command line refused it, naming this.
    fn refused_by_parser(&self, named: &str);
    /// Every line of standard output as JSON; panics when one is none.
    fn events(&self) -> Vec<Value>;
    /// The last of those, which must be the report.
    fn report(&self) -> Value;
    /// Everything it printed.
    fn all(&self) -> String;
    /// Nowhere in what it printed is this text, nor its percent-encoded form.
    fn keeps_secret(&self, secret: &str) -> &Self;
}

impl Said for Finished {
    fn refused(&self, exit: i32, code: &str) -> String {
        assert_eq!(self.code(), exit, "exit code: {}", self.all());
        let tag = format!("[{code}]");
        let mut lines = self.stderr.lines().skip_while(|line| !line.contains(&tag));
        let error = lines.next().unwrap_or_else(|| panic!("no {tag} in: {}", self.all()));
        assert!(error.contains("error: "), "{error}");
        let next = lines.next().and_then(|line| line.trim().strip_prefix("next: "));
        next.unwrap_or_else(|| panic!("nothing to do next after: {error}")).to_owned()
    }

    fn refused_by_parser(&self, named: &str) {
        assert_eq!(self.code(), 2, "{}", self.all());
        assert!(self.stderr.starts_with("error: ") && self.stderr.contains(named), "{}", self.stderr);
    }

    fn events(&self) -> Vec<Value> {
        let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        self.stdout.lines().map(parse).collect()
    }

    fn report(&self) -> Value {
        let last = self.events().pop().unwrap_or_else(|| panic!("no events: {}", self.all()));
        assert_eq!(last["event"], "report", "{last}");
        last
    }

    fn all(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    fn keeps_secret(&self, secret: &str) -> &Self {
        let encoded: String = secret.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
        let all = self.all();
        for form in [secret, encoded.as_str(), secret.trim_end_matches('=')] {
            assert!(!all.contains(form), "the secret is shown: {all}");
        }
        self
    }
}
