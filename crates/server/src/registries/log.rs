//! A run's log: pages, waiting for what comes, or a stream of events.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http::StatusCode;
use http::header::ACCEPT;
use tokio::time::{Instant, sleep};
use transload_api::run::LogLine;
use transload_control::ledger::Page;
use transload_control::{Code, Control, Error, ResourceId, ledger};

use crate::answer::Answer;
use crate::call::Call;
use crate::face::Face;
use crate::fault::Fault;
use crate::map::{self, LogPage};

/// How long to wait before looking again for lines.
const LOOK_EVERY: Duration = Duration::from_millis(300);
/// How long to say nothing on a stream, so that nobody between takes it for dead.
const STREAM_SILENCE: Duration = Duration::from_secs(15);

/// Lines behind the one of the number `after`, oldest first. With `wait` the answer comes with the first line, at the end of
/// the run, or after that many seconds. Whoever accepts `text/event-stream` gets lines as they come until the run ends.
pub(crate) async fn lines(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let id = call.id("run")?;
    face.control.run(&call.caller, &id).await?;
    let limits = &face.options.limits;
    let after = match call.query.cursor()? {
        Some(cursor) => Some(cursor),
        None => {
            call.query.number("after")?.or(last_seen(call)).filter(|number| *number > 0).map(map::log_mark)
        }
    };
    let accepted = call.headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if accepted.contains("text/event-stream") {
        return Ok(stream_of(face.control.clone(), id, after, limits.log_lines_max));
    }
    let most = call.query.number("top")?.and_then(|top| usize::try_from(top).ok());
    let most = most.unwrap_or(limits.log_lines_max).clamp(1, limits.log_lines_max);
    let wait = call.query.number("wait")?.unwrap_or(0).min(limits.log_wait_seconds_max);
    let until = Instant::now() + Duration::from_secs(wait);
    let page = loop {
        // looked at before the lines, so that none that was written before the end is missed
        let over = Instant::now() >= until || has_ended(&face.control, &id).await?;
        let page = face.control.ledger().run_log(&id, after.as_deref(), most).await?;
        if over || !page.items.is_empty() {
            break page;
        }
        sleep(LOOK_EVERY).await;
    };
    let listed = call.page(wire(&page), page.next.as_deref());
    Ok(Answer::ok(&LogPage { value: listed.value, next_link: listed.next_link }))
}

/// What whoever lost a stream says that it saw last.
fn last_seen(call: &Call) -> Option<u64> {
    call.headers.get("last-event-id")?.to_str().ok()?.trim().parse().ok()
}

fn wire(page: &Page<ledger::LogLine>) -> Vec<LogLine> {
    page.items.iter().map(map::log_line).collect()
}

async fn has_ended(control: &Control, id: &ResourceId) -> Result<bool, Error> {
    Ok(control.ledger().run(id).await?.is_none_or(|run| run.state.is_final()))
}

/// Where a stream is.
struct Following {
    control: Control,
    id: ResourceId,
    after: Option<String>,
    most: usize,
    ended: bool,
}

fn stream_of(control: Control, id: ResourceId, after: Option<String>, most: usize) -> Answer {
    let following = Following { control, id, after, most, ended: false };
    let events = stream::unfold(following, |mut following| async move {
        let text = following.next().await?;
        Some((Ok::<_, Infallible>(Bytes::from(text)), following))
    });
    Answer::typed(StatusCode::OK, "text/event-stream", Body::from_stream(events))
}

impl Following {
    /// The next piece of the stream: lines, a comment when there were none for long, the end.
    async fn next(&mut self) -> Option<String> {
        if self.ended {
            return None;
        }
        let silent_until = Instant::now() + STREAM_SILENCE;
        while Instant::now() < silent_until {
            match self.look().await {
                Ok(text) if !text.is_empty() => return Some(text),
                Ok(_) if self.ended => return Some("event: end\ndata: {}\n\n".to_owned()),
                Ok(_) => sleep(LOOK_EVERY).await,
                // the client comes again with the last id it saw
                Err(error) if error.code == Code::LedgerUnavailable => return None,
                Err(_) => return None,
            }
        }
        Some(": \n\n".to_owned())
    }

    async fn look(&mut self) -> Result<String, Error> {
        // looked at before the lines, so that none that was written before the end is missed
        let ended = has_ended(&self.control, &self.id).await?;
        let page = self.control.ledger().run_log(&self.id, self.after.as_deref(), self.most).await?;
        if let Some(last) = page.items.last() {
            self.after = Some(last.mark.clone());
        }
        self.ended = ended && page.items.is_empty();
        let event = |line: LogLine| {
            let data = serde_json::to_string(&line).unwrap_or_default();
            format!("id: {}\ndata: {data}\n\n", line.sequence)
        };
        Ok(wire(&page).into_iter().map(event).collect())
    }
}
