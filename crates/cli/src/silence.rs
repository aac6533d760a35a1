//! `callout silence add|list|end`. In: arguments. Out: the silences that have not ended.

use control::{Answer, NewSilence, Request, SilenceView};
use domain::silence::{Silence, SilenceMatch};

use crate::{
    args::{Common, Output, SilenceAdd, SilenceCommand},
    control_client::{UNEXPECTED_ANSWER, execute},
    output,
};

/// Carries out a command.
pub(crate) async fn run(common: &Common, command: SilenceCommand) -> anyhow::Result<()> {
    let (by, request) = match command {
        SilenceCommand::List => (String::new(), Request::ListSilences),
        SilenceCommand::End { id, by } => (by, Request::EndSilence { id }),
        SilenceCommand::Add(SilenceAdd { workflow, source, subject, fields, from, until, why, by }) => {
            let of = SilenceMatch { workflow, source, subject, fields: fields.into_iter().collect() };
            (by, Request::AddSilence(NewSilence { of, from, until, why }))
        }
    };
    let Answer::Silences { silences } = execute(&common.config, &by, request).await? else {
        anyhow::bail!(UNEXPECTED_ANSWER);
    };
    if common.output == Output::Json {
        return output::json(&silences);
    }
    if silences.is_empty() {
        output::line("no silences");
    }
    for SilenceView { id, silence } in &silences {
        output::wrapped(&sentence(id, silence), 4);
    }
    Ok(())
}

/// What a silence says, in one line.
pub(crate) fn sentence(id: &str, silence: &Silence) -> String {
    let Silence { of, from, until, by, why, .. } = silence;
    let (from, until) = (output::time(*from), output::time(*until));
    format!("{id}  {from} - {until}  {}  made by {by}: {why}", conditions(of))
}

/// The conditions, as the command line takes them.
fn conditions(of: &SilenceMatch) -> String {
    let named = [("workflow", &of.workflow), ("source", &of.source), ("subject", &of.subject)];
    let named = named.into_iter().filter_map(|(name, value)| Some(format!("{name} {}", value.as_ref()?)));
    let fields = of.fields.iter().map(|(path, pattern)| format!("{path}={pattern}"));
    named.chain(fields).collect::<Vec<_>>().join(", ")
}
