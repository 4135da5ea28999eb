//! Azure's clients in Python, unmodified.

use std::path::Path;

use serde_json::{Map, Value, json};
use transload_testkit::cli::Finished;
use transload_testkit::peers::{NameProxy, Venv};
use transload_testkit::site::Site;

/// A version of `azure-mgmt-containerregistry`, and `azure-keyvault-secrets` beside the old one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sdk {
    /// 10.3.0, which speaks 2019-12-01-preview.
    Old,
    /// 15.1.0b3, which speaks 2026-09-01-preview.
    New,
}

impl Sdk {
    /// What the client that `python/sdk.py` is told to be.
    fn version(self) -> &'static str {
        match self {
            Self::Old => "10.3",
            Self::New => "15.1",
        }
    }

    fn venv(self) -> &'static str {
        match self {
            Self::Old => "mgmt10",
            Self::New => "mgmt15",
        }
    }

    /// Has the client take these steps as the administrator, one after the other.
    pub(crate) fn take(self, site: &Site, proxy: &NameProxy, steps: &Steps) -> Outcome {
        let admin = site.admin();
        let who = (admin.client_id.as_str(), admin.secret.as_str());
        self.take_as(site, proxy, who, steps)
    }

    /// The same as another principal: client id and secret.
    pub(crate) fn take_as(self, site: &Site, proxy: &NameProxy, who: (&str, &str), steps: &Steps) -> Outcome {
        let finished = self.run(site, proxy, who, steps).ok();
        site.tell(&finished.stdout, &finished.stderr);
        Outcome(serde_json::from_str(&finished.stdout).unwrap())
    }

    /// The same, whatever comes of it; gives all that the client printed.
    pub(crate) fn try_as(self, site: &Site, proxy: &NameProxy, who: (&str, &str), steps: &Steps) -> String {
        let finished = self.run(site, proxy, who, steps);
        finished.stdout + &finished.stderr
    }

    fn run(self, site: &Site, proxy: &NameProxy, who: (&str, &str), steps: &Steps) -> Finished {
        let told = json!({"server": site.url(), "tenant": site.admin().tenant,
            "subscription": site.admin().subscription, "client_id": who.0, "secret": who.1,
            "sdk": self.version(), "steps": steps.0});
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/served/python/sdk.py");
        let venv = Venv::named(self.venv()).behind(&proxy.url(), &site.ca_file());
        venv.script(&script, [""; 0], told.to_string().as_bytes())
    }
}

/// What a client is to do.
#[derive(Debug, Default)]
pub(crate) struct Steps(Vec<Value>);

impl Steps {
    /// One more: under this name, this method with these arguments.
    #[must_use]
    pub(crate) fn step(self, name: &str, call: &str, args: Value) -> Self {
        self.step_with(name, call, args, json!({}))
    }

    /// One more, with arguments that have names.
    #[must_use]
    pub(crate) fn step_with(mut self, name: &str, call: &str, args: Value, kwargs: Value) -> Self {
        let mut step = json!({"name": name, "call": call});
        step["args"] = args;
        step["kwargs"] = kwargs;
        self.0.push(step);
        self
    }
}

/// What came of each step.
#[derive(Debug)]
pub(crate) struct Outcome(Map<String, Value>);

impl Outcome {
    /// What a step gave back; panics with its error when it failed.
    pub(crate) fn of(&self, name: &str) -> &Value {
        let outcome = &self.0[name];
        assert!(outcome.get("error").is_none(), "{name}: {}", outcome["error"]);
        &outcome["result"]
    }

    /// Status, code and message of a step that failed; panics when it did not.
    pub(crate) fn error(&self, name: &str) -> (u64, String, String) {
        let error = &self.0[name]["error"];
        assert!(error.is_object(), "{name} did not fail: {}", self.0[name]);
        let text = |member: &str| error[member].as_str().unwrap_or_default().to_owned();
        (error["status"].as_u64().unwrap_or_default(), text("code"), text("message"))
    }
}
