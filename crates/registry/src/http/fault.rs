//! What went wrong with one attempt, and whether another may fare better.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use url::Url;

use super::answer::{Reply, What};
use super::{is_passing, quota};
use crate::error::{Error, ErrorKind};
use crate::limits::Limits;

/// A failed attempt.
#[derive(Debug)]
pub(crate) struct Fault {
    kind: ErrorKind,
    detail: String,
    hint: Option<&'static str>,
    may_pass: bool,
    unknown_name: bool,
    connected: bool,
    retry_after: Option<Duration>,
    url: Option<Box<Url>>,
}

impl Fault {
    /// One that stays however often it is tried.
    pub(crate) fn lasting(kind: ErrorKind, detail: String) -> Self {
        Self {
            kind,
            detail,
            hint: None,
            may_pass: false,
            unknown_name: false,
            connected: true,
            retry_after: None,
            url: None,
        }
    }

    /// One that another attempt may get past.
    pub(crate) fn passing(kind: ErrorKind, detail: String) -> Self {
        Self { may_pass: true, ..Self::lasting(kind, detail) }
    }

    pub(crate) fn stalled(idle: Duration) -> Self {
        Self::passing(ErrorKind::Unreachable, format!("nothing came for {} s", idle.as_secs_f32()))
    }

    /// The fault in an answer that asks to come back later; `None` for every other answer.
    pub(crate) fn of_status(reply: &Reply, limits: &Limits) -> Option<Self> {
        if !is_passing(reply.status) {
            return None;
        }
        let error = reply.refusal("", What::LIST, limits);
        let mut fault = Self::passing(error.kind(), error.detail().to_owned());
        fault.may_pass = error.kind() != ErrorKind::Full;
        fault.retry_after = quota::pause(reply.status, &reply.headers);
        fault.url = Some(Box::new(reply.url.clone()));
        Some(fault)
    }

    /// The fault in a connection. The library's own text names the URL, which may carry a secret, so that only
    /// the causes below it are told.
    pub(crate) fn of_transport(error: &reqwest::Error) -> Self {
        let mut innermost = None;
        let mut next = error.source();
        while let Some(cause) = next {
            if let Some(tls) = rustls_error(cause) {
                return Self::of_tls(tls);
            }
            innermost = Some(cause.to_string());
            next = cause.source();
        }
        let reason = innermost.unwrap_or_else(|| "the connection failed".to_owned());
        if error.is_builder() {
            return Self::lasting(ErrorKind::Failed, format!("the request cannot be made: {reason}"));
        }
        let connecting = error.is_connect();
        let detail = match (connecting, error.is_timeout()) {
            (true, true) => "the connection was not established in time".to_owned(),
            (true, false) => format!("no connection: {reason}"),
            (false, _) => format!("the connection broke: {reason}"),
        };
        let mut fault = Self::passing(ErrorKind::Unreachable, detail);
        fault.unknown_name = connecting && reason.contains("lookup");
        fault.connected = !connecting;
        fault
    }

    fn of_tls(error: &rustls::Error) -> Self {
        use rustls::Error as Tls;
        match error {
            Tls::InvalidMessage(_) => {
                let mut fault = Self::lasting(
                    ErrorKind::Protocol,
                    "it does not answer in TLS: it seems to speak plain HTTP".to_owned(),
                );
                fault.hint = Some("use --plain-http if the network between is to be trusted");
                fault
            }
            Tls::InvalidCertificate(reason) => {
                let (text, hint) = certificate_fault(reason);
                let mut fault = Self::lasting(ErrorKind::Tls, text);
                fault.hint = Some(hint);
                fault
            }
            Tls::AlertReceived(alert) => {
                let mut fault =
                    Self::lasting(ErrorKind::Tls, format!("it ended the TLS handshake: {alert:?}"));
                fault.hint =
                    Some("the registry may ask for a client certificate, or not accept the one given");
                fault
            }
            other => Self::lasting(ErrorKind::Tls, format!("TLS failed: {other}")),
        }
    }

    /// The same, given up on although it asks for time: with when to come back.
    pub(super) fn with_time(mut self) -> Self {
        if let Some(asked) = self.retry_after {
            let moment = quota::moment(asked);
            self.detail =
                format!("{}; it asks to come back at {moment}, in {} s", self.detail, asked.as_secs());
            self.hint = Some(
                "run the same command again at that time, it goes on where it stopped; or let it wait with --max-wait",
            );
        }
        self
    }

    pub(crate) fn into_error(self, subject: &str) -> Error {
        let error = Error::new(self.kind, subject, self.detail);
        match self.hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }

    pub(crate) fn kind(&self) -> ErrorKind {
        self.kind
    }

    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    pub(crate) fn may_pass(&self) -> bool {
        self.may_pass
    }

    pub(crate) fn is_unknown_name(&self) -> bool {
        self.unknown_name
    }

    /// Whether there was a connection at all.
    pub(crate) fn was_connected(&self) -> bool {
        self.connected
    }

    pub(crate) fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Where the answer came from, when there was one.
    pub(crate) fn url(&self) -> Option<&Url> {
        self.url.as_deref()
    }

    #[cfg(test)]
    pub(crate) fn set_retry_after(&mut self, pause: Duration) {
        self.retry_after = Some(pause);
    }
}

fn certificate_fault(reason: &rustls::CertificateError) -> (String, &'static str) {
    use rustls::CertificateError as Bad;
    let trust = "give the authority that signed it with --ca-file";
    match reason {
        Bad::UnknownIssuer => {
            ("its certificate is signed by an authority that is not trusted".to_owned(), trust)
        }
        Bad::Expired | Bad::ExpiredContext { .. } => {
            (format!("its certificate has expired ({reason})"), "renew it, and check this machine's clock")
        }
        Bad::NotValidYet | Bad::NotValidYetContext { .. } => {
            (format!("its certificate is not valid yet ({reason})"), "check this machine's clock")
        }
        Bad::NotValidForName | Bad::NotValidForNameContext { .. } => (
            format!("its certificate is for another host name ({reason})"),
            "use the name in the certificate, or a certificate for this name",
        ),
        other => (format!("its certificate is not accepted: {other}"), trust),
    }
}

/// The TLS error in this link of a chain of causes. An I/O error keeps what it carries out of `source`, and what it
/// carries may be an I/O error again.
fn rustls_error<'a>(cause: &'a (dyn StdError + 'static)) -> Option<&'a rustls::Error> {
    if let Some(error) = cause.downcast_ref::<rustls::Error>() {
        return Some(error);
    }
    rustls_error(cause.downcast_ref::<io::Error>()?.get_ref()?)
}
