//! `lookback show`.

use burn::tensor::backend::BackendTypes;
use lookback_benchmarks::{PlanRequest, TrainingConfig, suites, task_kind};
use lookback_datasets::memory_function_entry;
use lookback_models::Io;
use lookback_registry::{Field, Params, Result};

use super::Exit;
use super::args::{ShowArguments, ShowKind};
use super::out;
use super::progress::name;
use super::resolve::set_pairs;
use crate::backends::models::Models;
use crate::backends::{BackendKind, BackendTask, BuildEverywhere, Request, TrainBackend};

/// Prints one entry of a list.
pub(super) fn show(arguments: &ShowArguments, models: &Models) -> Result<Exit> {
    let params = set_pairs("set", &arguments.set)?;
    match arguments.kind {
        ShowKind::MemoryFunction => memory_function(arguments, &params)?,
        ShowKind::Model => model(arguments, &params, models)?,
        ShowKind::Task => show_task(arguments, params)?,
        ShowKind::Suite => suite(arguments, models)?,
    }
    Ok(Exit::Success)
}

fn memory_function(arguments: &ShowArguments, params: &Params) -> Result<()> {
    let entry = memory_function_entry(&arguments.name)?;
    let resolved = (entry.resolve)(params)?;
    let rho = (entry.build)(params)?.memory(arguments.length as usize)?;
    if !arguments.csv {
        let info = entry.info;
        out::say(&format!("{} ({})\n\n  rho(s) = {}", info.title, info.structure, formula(info.formula)));
        out::say(&format!("\nsource: {}\n", info.source));
        out::say(&parameters(&(entry.fields)(), &resolved));
        out::say("");
    }
    out::say("lag,rho");
    let lines: Vec<String> = rho.iter().enumerate().map(|(lag, rho)| format!("{lag},{rho}")).collect();
    out::say(&lines.join("\n"));
    Ok(())
}

/// The right side of a formula that may or may not carry its left one.
fn formula(text: &str) -> &str {
    text.split_once(" = ").filter(|(left, _)| left.starts_with("rho")).map_or(text, |(_, right)| right)
}

fn model(arguments: &ShowArguments, params: &Params, models: &Models) -> Result<()> {
    struct Describe<'a>(&'a dyn BuildEverywhere, &'a Params, Io);
    impl BackendTask for Describe<'_> {
        type Output = Result<String>;
        fn run<B: TrainBackend>(self, device: <B as BackendTypes>::Device) -> Self::Output {
            let training = TrainingConfig::default();
            let request = Request { params: self.1, io: self.2, seed: 0, training: &training };
            Ok(B::state(self.0, request, &device)?.describe())
        }
    }
    let entry = models.catalogue().get(&arguments.name)?;
    let info = entry.info;
    let io = match (entry.example_io)() {
        io if io.single_output => io,
        io => Io { length: arguments.length as usize, ..io },
    };
    let facts = entry.facts(params, io)?;
    let builder = models.builder(info.name)?;
    let modules = BackendKind::first()?.dispatch(Describe(builder, &facts.params, io))?;
    if arguments.csv {
        out::say("tensor,shape,parameters");
        for line in modules.lines() {
            let cells: Vec<&str> = line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
            out::say(&format!("{},\"{}\",{}", cells[0], cells[1], cells[2]));
        }
        return Ok(());
    }
    out::say(&format!("{}\n\n  {}\n\nsource: {}\n", info.title, info.summary, info.source));
    out::say(&parameters(&(entry.fields)(), &facts.params));
    let outputs = if io.single_output { "one output" } else { "an output at each" };
    out::say(&format!(
        "\nmodules (input channels: {}, output channels: {}, steps: {}, {outputs})",
        io.d_input, io.d_output, io.length
    ));
    for line in modules.lines() {
        out::say(&format!("  {}", line.trim_end()));
    }
    out::say(&format!("\nparameters: {}", facts.num_params));
    out::say(&format!("causal: {}", if facts.causal { "yes" } else { "no" }));
    if let Some(window) = facts.window {
        out::say(&format!("receptive field: {window} steps"));
    }
    if let Some(states) = facts.lti_states {
        out::say(&format!("linear time-invariant, real states in all: {states}"));
    }
    Ok(())
}

fn show_task(arguments: &ShowArguments, params: Params) -> Result<()> {
    let kind = task_kind(&arguments.name)?;
    let info = kind.info;
    let params = (kind.resolve)(&params)?;
    let io = (kind.io)(&params)?;
    out::say(&format!("{}\n\n  {}\n\nsource: {}\n", info.name, info.summary, info.source));
    out::say(&parameters(&(kind.fields)(), &params));
    out::say(&format!(
        "\nshape: inputs [batch, {}, {}], targets [batch, {}, {}]",
        io.length,
        io.d_input,
        io.output_length(),
        io.d_output
    ));
    Ok(())
}

fn suite(arguments: &ShowArguments, models: &Models) -> Result<()> {
    let suite = suites::suite(&arguments.name)?;
    let info = suite.info();
    let runs = suite.plan(&PlanRequest::new(arguments.preset.into()), models.catalogue())?;
    if arguments.csv {
        let axes: std::collections::BTreeSet<&str> =
            runs.iter().flat_map(|run| run.axes.keys().map(String::as_str)).collect();
        let titles: Vec<&str> = std::iter::once("id").chain(axes.iter().copied()).chain(["seed"]).collect();
        out::say(&titles.join(","));
        for run in &runs {
            let values = axes.iter().map(|axis| run.axes.get(*axis).cloned().unwrap_or_default());
            let cells: Vec<String> =
                std::iter::once(run.spec.id()).chain(values).chain([run.spec.seed.to_string()]).collect();
            out::say(&cells.join(","));
        }
        return Ok(());
    }
    out::say(&format!("{}\n\n  {}\n\nsource: {}\n", info.title, info.summary, info.source));
    out::say(&format!("{} runs:", runs.len()));
    for run in &runs {
        out::say(&format!("  {}  {}", run.spec.id(), name(run)));
    }
    Ok(())
}

/// Parameters with values and documentation.
fn parameters(fields: &[Field], values: &Params) -> String {
    let text = |field: &Field| values.get(&field.name).unwrap_or(&field.default).to_string();
    let names = fields.iter().map(|field| field.name.len()).max().unwrap_or(0);
    let widths = fields.iter().map(|field| text(field).len()).max().unwrap_or(0).min(24);
    let lines: Vec<String> = fields
        .iter()
        .map(|field| format!("  {:names$}  {:widths$}  {}", field.name, text(field), field.doc).trim_end().to_owned())
        .collect();
    if lines.is_empty() { "no parameters".to_owned() } else { format!("parameters\n{}", lines.join("\n")) }
}
