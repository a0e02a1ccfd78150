//! `lookback show`.

use std::collections::BTreeSet;

use burn::tensor::backend::BackendTypes;
use lookback_benchmarks::experiment::text;
use lookback_benchmarks::{PlanRequest, Preset, SUITES, TASKS, TrainingConfig};
use lookback_datasets::MEMORY_FUNCTIONS;
use lookback_models::{Io, MODELS};
use lookback_registry::{Error, ErrorKind, Field, Params, Result};

use super::Exit;
use super::args::{ShowArguments, ShowKind};
use super::out;
use super::progress::name;
use super::resolve::set_pairs;
use crate::backends::{BackendKind, BackendTask, Request, TrainBackend, build_model};

/// Time steps that are shown where none are given.
const LENGTH: u32 = 128;

/// Prints one entry of a list.
pub(super) fn show(arguments: &ShowArguments) -> Result<Exit> {
    let params = set_pairs("set", &arguments.set)?;
    refuse_unused(arguments)?;
    match arguments.kind {
        ShowKind::MemoryFunction => memory_function(arguments, &params)?,
        ShowKind::Model => model(arguments, &params)?,
        ShowKind::Task => show_task(arguments, params)?,
        ShowKind::Suite => suite(arguments)?,
    }
    Ok(Exit::Success)
}

/// No option is ignored: those that a kind of entry has no use for are errors.
fn refuse_unused(arguments: &ShowArguments) -> Result<()> {
    let kind = arguments.kind;
    let given = [
        ("--set", !arguments.set.is_empty(), kind == ShowKind::Suite, "a model, a memory function or a task"),
        ("--csv", arguments.csv, kind == ShowKind::Task, "a model, a memory function or a suite"),
        (
            "--length",
            arguments.length.is_some(),
            matches!(kind, ShowKind::Task | ShowKind::Suite),
            "a memory function or a model",
        ),
        ("--preset", arguments.preset.is_some(), kind != ShowKind::Suite, "a suite"),
    ];
    match given.into_iter().find(|(_, given, unused, _)| *given && *unused) {
        Some((option, .., valid)) => Err(Error::new(ErrorKind::Usage, format!("{option} is for {valid} only."))),
        None => Ok(()),
    }
}

fn memory_function(arguments: &ShowArguments, params: &Params) -> Result<()> {
    let entry = MEMORY_FUNCTIONS.get(&arguments.name)?;
    let resolved = (entry.resolve)(params)?;
    let rho = (entry.build)(params)?.memory(arguments.length.unwrap_or(LENGTH) as usize)?;
    if !arguments.csv {
        let info = entry.info;
        let title = format!("{} ({})", info.title, info.structure);
        introduce(&title, &format!("rho(s) = {}", formula(info.formula)), info.source);
        out::say(&parameters(&(entry.fields)(), &resolved));
        out::say("");
    }
    out::say("lag,rho");
    let lines: Vec<String> = rho.iter().enumerate().map(|(lag, rho)| format!("{lag},{rho}")).collect();
    out::say(&lines.join("\n"));
    Ok(())
}

/// What an entry is, in what all kinds of entries have.
fn introduce(title: &str, text: &str, source: &str) {
    out::say(&format!("{title}\n\n{}\n\n{}\n", out::after("  ", text), out::after("source: ", source)));
}

/// The right side of a formula that may or may not carry its left one.
fn formula(text: &str) -> &str {
    text.split_once(" = ").filter(|(left, _)| left.starts_with("rho")).map_or(text, |(_, right)| right)
}

fn model(arguments: &ShowArguments, params: &Params) -> Result<()> {
    struct Describe<'a>(&'a str, &'a Params, Io);
    impl BackendTask for Describe<'_> {
        type Output = Result<String>;
        fn run<B: TrainBackend>(self, device: <B as BackendTypes>::Device) -> Self::Output {
            let training = TrainingConfig::default();
            let request = Request { params: self.1, io: self.2, seed: 0, training: &training };
            Ok(build_model::<B>(self.0, request, &device)?.describe())
        }
    }
    let entry = MODELS.get(&arguments.name)?;
    let info = entry.info;
    let io = match (entry.example_io)() {
        io if io.single_output => io,
        io => Io { length: arguments.length.unwrap_or(LENGTH) as usize, ..io },
    };
    let facts = entry.facts(params, io)?;
    let modules = BackendKind::first()?.dispatch(Describe(info.name, &facts.params, io))?;
    if arguments.csv {
        out::say("tensor,shape,parameters");
        for line in modules.lines() {
            let cells: Vec<&str> = line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
            out::say(&format!("{},\"{}\",{}", cells[0], cells[1], cells[2]));
        }
        return Ok(());
    }
    introduce(info.title, info.summary, info.source);
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
    let task = TASKS.get(&arguments.name)?;
    let info = task.info;
    let params = task.resolve(&params)?;
    let io = task.io(&params)?;
    introduce(info.name, info.summary, info.source);
    out::say(&parameters(&(task.fields)(), &params));
    out::say(&format!(
        "\nshape: inputs [batch, {}, {}], targets [batch, {}, {}]",
        io.length,
        io.d_input,
        io.output_length(),
        io.d_output
    ));
    Ok(())
}

fn suite(arguments: &ShowArguments) -> Result<()> {
    let suite = SUITES.get(&arguments.name)?.suite();
    let info = suite.info();
    let runs = suite.plan(&PlanRequest::new(arguments.preset.unwrap_or(Preset::Quick)))?;
    if arguments.csv {
        let axes: BTreeSet<&str> = runs.iter().flat_map(|run| run.place.coordinates()).map(|(axis, _)| axis).collect();
        let titles: Vec<&str> = std::iter::once("id").chain(axes.iter().copied()).chain(["seed"]).collect();
        out::say(&titles.join(","));
        for run in &runs {
            let own = run.place.coordinates();
            let value = |axis: &&str| {
                own.iter().find(|(name, _)| name == axis).map_or_else(String::new, |(_, value)| text(value))
            };
            let cells: Vec<String> = std::iter::once(run.spec.id())
                .chain(axes.iter().map(value))
                .chain([run.spec.seed.to_string()])
                .collect();
            out::say(&cells.join(","));
        }
        return Ok(());
    }
    introduce(info.title, info.summary, info.source);
    out::say(&format!("{} runs:", runs.len()));
    for run in &runs {
        out::say(&format!("  {}  {}", run.spec.id(), name(run)));
    }
    Ok(())
}

/// Parameters with values and documentation.
fn parameters(fields: &[Field], values: &Params) -> String {
    let value = |field: &Field| values.get(&field.name).unwrap_or(&field.default).to_string();
    let names = fields.iter().map(|field| field.name.len()).max().unwrap_or(0);
    let widths = fields.iter().map(|field| value(field).len()).max().unwrap_or(0).min(24);
    let lines: Vec<String> = fields
        .iter()
        .map(|field| {
            let valid = field.valid.as_ref().map_or_else(String::new, |valid| format!(" ({valid})"));
            let label = format!("  {:names$}  {:widths$}  ", field.name, value(field));
            out::after(&label, &format!("{}{valid}", field.doc)).trim_end().to_owned()
        })
        .collect();
    if lines.is_empty() { "no parameters".to_owned() } else { format!("parameters\n{}", lines.join("\n")) }
}
