//! Which run an operator means. In: an id or its beginning. Out: the id, or why it names no run.

use control::{Answer, Request};
use domain::id::RunId;

use crate::{
    args::Common,
    control_client::{UNEXPECTED_ANSWER, execute},
    exit::{NotFound, Usage},
};

/// The fewest characters of an id that are looked for.
const BEGINNING_MIN: usize = 4;

/// The run with this id, or the only one whose id begins so.
pub(crate) async fn run_named(common: &Common, id: &str) -> anyhow::Result<RunId> {
    if let Ok(id) = id.parse() {
        return Ok(id);
    }
    if id.is_empty() {
        let message = format!(
            "no run is named: give its id, as `callout runs list` shows it, or its first {BEGINNING_MIN} characters or more"
        );
        return Err(Usage(message).into());
    }
    if id.len() < BEGINNING_MIN
        || !id.starts_with('r')
        || !id.bytes().all(|byte| byte.is_ascii_alphanumeric())
    {
        let message = format!(
            "{id} is no id of a run: they begin with r and are shown by `callout runs list`; \
             the first {BEGINNING_MIN} characters or more are enough"
        );
        return Err(Usage(message).into());
    }
    let request = Request::FindRuns { beginning: id.to_owned() };
    let Answer::Runs { runs, stopped_after, .. } = execute(&common.config, "", request).await? else {
        anyhow::bail!(UNEXPECTED_ANSWER)
    };
    match runs.as_slice() {
        [] => {
            let of = if stopped_after.is_some() { "none of the latest runs" } else { "no run" };
            let message = format!("{of} begins with {id}; `callout runs list` shows those there are");
            Err(NotFound(message).into())
        }
        [run] => Ok(run.id.parse()?),
        several => {
            let ids: Vec<_> = several.iter().map(|run| run.id.as_str()).collect();
            Err(Usage(format!("several runs begin with {id}: {}; give more of it", ids.join(", "))).into())
        }
    }
}
