//! Laws that every entry of the list of memory functions obeys; a new entry needs no test of its own here.

use burn_dataset::Dataset;
use lookback_datasets::{
    Convolution, InputProcess, MemoryDataset, MemoryDatasetConfig, MemoryFunctionEntry, Split, memory_function,
    memory_functions,
};
use lookback_registry::{Params, nearest};
use serde_json::json;
use tempfile::TempDir;

const LENGTH: usize = 128;

/// The parameters that an entry is tested with: its grid where it has one, its defaults otherwise, and a file where
/// it asks for a path.
fn cases(entry: &MemoryFunctionEntry, folder: &TempDir) -> Vec<Params> {
    let mut base = Params::new();
    if (entry.fields)().iter().any(|field| field.name == "path") {
        let path = folder.path().join("rho.csv");
        std::fs::write(&path, "rho\n0.5\n-1\n0.25\n").unwrap();
        base.insert("path".into(), json!(path));
    }
    let mut cases = vec![base.clone()];
    for alpha in entry.info.alphas {
        let mut params = base.clone();
        params.insert("alpha".into(), json!(alpha));
        cases.push(params);
    }
    cases
}

fn for_all(law: impl Fn(&MemoryFunctionEntry, &Params)) {
    let folder = tempfile::tempdir().unwrap();
    for entry in memory_functions() {
        for params in cases(entry, &folder) {
            law(entry, &params);
        }
    }
}

#[test]
fn entries_are_documented_and_named_once() {
    for entry in memory_functions() {
        let info = entry.info;
        assert_eq!(memory_functions().iter().filter(|other| other.info.name == info.name).count(), 1);
        assert!(info.name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'), "{}", info.name);
        for text in [info.title, info.formula, info.structure, info.source] {
            assert!(!text.trim().is_empty(), "{}", info.name);
        }
        assert!(info.formula.starts_with("rho(s) = "), "{}", info.name);
        let fields = (entry.fields)();
        assert!(!fields.is_empty(), "{}", info.name);
        for field in &fields {
            assert!(!field.doc.is_empty(), "{} {}", info.name, field.name);
        }
        assert!(info.alphas.is_sorted(), "{}", info.name);
        assert!(info.alphas.is_empty() || fields.iter().any(|field| field.name == "alpha"), "{}", info.name);
    }
}

#[test]
fn memories_are_finite_and_normalised_where_they_say_so() {
    for_all(|entry, params| {
        let function = (entry.build)(params).unwrap();
        let memory = function.memory(LENGTH).unwrap();
        assert_eq!(memory.len(), LENGTH);
        assert!(memory.iter().all(|rho| rho.is_finite()), "{} {params:?}", entry.info.name);
        if function.normalise() {
            let norm = memory.iter().map(|rho| rho * rho).sum::<f64>();
            assert!((norm - 1.0).abs() < 1e-12, "{} {params:?}", entry.info.name);
        } else {
            assert!((0..LENGTH).all(|lag| memory[lag] == function.rho(lag)), "{} {params:?}", entry.info.name);
        }
    });
}

#[test]
fn every_entry_can_be_normalised() {
    for_all(|entry, params| {
        let mut params = params.clone();
        params.insert("normalise".into(), json!(true));
        let memory = (entry.build)(&params).unwrap().memory(LENGTH).unwrap();
        assert!((memory.iter().map(|rho| rho * rho).sum::<f64>() - 1.0).abs() < 1e-12, "{}", entry.info.name);
    });
}

#[test]
fn a_unit_impulse_returns_rho_exactly() {
    for_all(|entry, params| {
        let memory = (entry.build)(params).unwrap().memory(LENGTH).unwrap();
        let mut impulse = vec![0.0; LENGTH];
        impulse[0] = 1.0;
        let expected: Vec<f32> = memory.iter().map(|rho| *rho as f32).collect();
        assert_eq!(Convolution::new(&memory).apply(&impulse), expected, "{} {params:?}", entry.info.name);
    });
}

#[test]
fn targets_agree_with_a_direct_sum_for_every_input_process() {
    for_all(|entry, params| {
        let function = (entry.build)(params).unwrap();
        for (seed, input) in InputProcess::ALL.into_iter().enumerate() {
            let config = MemoryDatasetConfig { length: LENGTH, input, ..Default::default() };
            let data = MemoryDataset::new(function.as_ref(), &config, Split::train(seed as u64, 4)).unwrap();
            let sample = data.get(3).unwrap();
            assert!(sample.inputs.iter().all(|x| x.is_finite()));
            for t in 0..LENGTH {
                let direct: f64 = (0..=t).map(|s| data.memory()[s] * f64::from(sample.inputs[t - s])).sum();
                let scale = direct.abs().max(1.0);
                assert!((f64::from(sample.targets[t]) - direct).abs() <= 1e-5 * scale, "{} {t}", entry.info.name);
            }
        }
    });
}

#[test]
fn resolving_fills_in_defaults_and_is_idempotent() {
    for_all(|entry, params| {
        let resolved = (entry.resolve)(params).unwrap();
        let names: Vec<_> = (entry.fields)().into_iter().map(|field| field.name).collect();
        assert_eq!(resolved.keys().cloned().collect::<Vec<_>>(), names, "{}", entry.info.name);
        assert_eq!((entry.resolve)(&resolved).unwrap(), resolved, "{}", entry.info.name);
        assert_eq!(
            (entry.build)(&resolved).unwrap().memory(LENGTH).unwrap(),
            (entry.build)(params).unwrap().memory(LENGTH).unwrap(),
            "{}",
            entry.info.name
        );
    });
}

#[test]
fn whole_numbers_resolve_as_decimals_do() {
    let entry = memory_functions().iter().find(|entry| entry.info.name == "impulse").unwrap();
    let resolve = |alpha| (entry.resolve)(json!({ "alpha": alpha }).as_object().unwrap()).unwrap();
    assert_eq!(
        serde_json::to_string(&resolve(json!(8))).unwrap(),
        serde_json::to_string(&resolve(json!(8.0))).unwrap()
    );
}

#[test]
fn unknown_parameters_are_errors_that_list_the_nearest() {
    for entry in memory_functions() {
        let params = json!({"normalize": true}).as_object().unwrap().clone();
        let fields = (entry.fields)();
        let known = nearest("normalize", fields.iter().map(|field| field.name.as_str()));
        let expected = format!(
            "There is no parameter of the memory function `{}` named `normalize`. Did you mean `normalise`? Known: {}.",
            entry.info.name,
            known.join(", ")
        );
        assert_eq!((entry.resolve)(&params).unwrap_err().to_string(), expected);
        assert_eq!((entry.build)(&params).unwrap_err().to_string(), expected);
    }
}

#[test]
fn values_of_the_wrong_type_are_errors() {
    let params = json!({"alpha": "fast"}).as_object().unwrap().clone();
    assert_eq!(
        memory_function("exponential", &params).unwrap_err().chain(),
        "The parameters of the memory function `exponential` cannot be read: `alpha` is \"fast\", but it must be \
         a number."
    );
}

#[test]
fn unknown_names_are_errors_that_list_the_nearest() {
    let message = memory_function("exponental", &Params::new()).unwrap_err().to_string();
    assert!(
        message.starts_with(
            "There is no memory function named `exponental`. Did you mean `exponential`? Known: exponential, "
        ),
        "{message}"
    );
}

#[test]
fn no_memory_over_no_steps() {
    for_all(|entry, params| {
        assert_eq!(
            (entry.build)(params).unwrap().memory(0).unwrap_err().to_string(),
            "`length` is 0, but it must be a whole number from 1 up."
        );
    });
}
