//! Laws that every entry of the lists obeys; a new entry needs no test of its own here.

use std::collections::BTreeSet;

use burn_dataset::Dataset;
use lookback_datasets::{
    Convolution, DATA_SETS, DataFolder, InputProcess, MEMORY_FUNCTIONS, MemoryDataset, MemoryDatasetConfig,
    MemoryFunctionEntry, Split, memory_function,
};
use lookback_registry::{Entry, ErrorKind, Params, Registry, nearest};
use serde_json::json;
use tempfile::TempDir;

const LENGTH: usize = 128;

/// The parameters that an entry is tested with: its defaults, with a file where it asks for a path, and each number at multiples
/// of its default that the entry does not refuse as invalid.
fn cases(entry: &MemoryFunctionEntry, folder: &TempDir) -> Vec<Params> {
    let mut base = Params::new();
    let fields = (entry.fields)();
    if fields.iter().any(|field| field.name == "path") {
        let path = folder.path().join("rho.csv");
        std::fs::write(&path, "rho\n0.5\n-1\n0.25\n").unwrap();
        base.insert("path".into(), json!(path));
    }
    let mut cases = vec![base.clone()];
    for field in &fields {
        let Some(default) = field.default.as_f64() else { continue };
        for factor in [0.0, 0.1, 0.25, 0.5, 2.0, 4.0, 10.0] {
            let value = if field.default.is_u64() { json!((default * factor) as u64) } else { json!(default * factor) };
            let mut params = base.clone();
            params.insert(field.name.clone(), value);
            match (entry.build)(&params).and_then(|function| function.memory(LENGTH)) {
                Ok(_) => cases.push(params),
                Err(error) => assert_eq!(error.kind(), ErrorKind::InvalidValue, "{} {params:?}", entry.info.name),
            }
        }
    }
    cases
}

fn for_all(law: impl Fn(&MemoryFunctionEntry, &Params)) {
    let folder = tempfile::tempdir().unwrap();
    for entry in MEMORY_FUNCTIONS.all() {
        for params in cases(&entry, &folder) {
            law(&entry, &params);
        }
    }
}

/// That names are lower-case with hyphens, and each is there once.
fn assert_names<T: Entry>(list: &Registry<T>) {
    let mut names = BTreeSet::new();
    for entry in list.all() {
        let name = entry.name();
        assert!(name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'), "{name}");
        assert!(names.insert(name.to_owned()), "{name}");
    }
}

#[test]
fn entries_are_documented_and_named_once() {
    assert_names(&MEMORY_FUNCTIONS);
    for MemoryFunctionEntry { info, fields, .. } in MEMORY_FUNCTIONS.all() {
        for text in [info.title, info.formula, info.structure, info.source] {
            assert!(!text.trim().is_empty(), "{}", info.name);
        }
        assert!(info.formula.starts_with("rho(s) = "), "{}", info.name);
        assert!(!fields().is_empty(), "{}", info.name);
        for field in fields() {
            assert!(!field.doc.is_empty(), "{} {}", info.name, field.name);
        }
    }
}

#[test]
fn data_sets_are_documented_found_and_fetched_or_not() {
    assert_names(&DATA_SETS);
    let folder = tempfile::tempdir().unwrap();
    let data = DataFolder::new(Some(folder.path().to_owned()));
    for set in DATA_SETS.all() {
        for text in [set.summary, set.source, set.licence, set.layout] {
            assert!(!text.trim().is_empty(), "{}", set.name);
        }
        assert_eq!((set.find)(&data), None, "{}", set.name);
        // Without the network: there is no such archive.
        let error = set.fetch(&data, Some(folder.path().join("none")), &mut |_| ()).unwrap_err();
        let kind = if set.fetch.is_some() { ErrorKind::NotFound } else { ErrorKind::Unsupported };
        assert_eq!(error.kind(), kind, "{}", set.name);
    }
    for file in ["queries.train.tsv", "collection.tsv", "qrels.train.tsv", "model.safetensors", "tokenizer.json"] {
        std::fs::create_dir_all(folder.path().join("ms-marco")).unwrap();
        std::fs::write(folder.path().join("ms-marco").join(file), "").unwrap();
    }
    let find = |name| (DATA_SETS.get(name).unwrap().find)(&data);
    assert_eq!(find("ms-marco"), Some(folder.path().join("ms-marco")));
    assert_eq!(find("bert-embeddings"), Some(folder.path().join("ms-marco/model.safetensors")));
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
    let entry = MEMORY_FUNCTIONS.get("impulse").unwrap();
    let resolve = |alpha| (entry.resolve)(json!({ "alpha": alpha }).as_object().unwrap()).unwrap();
    assert_eq!(
        serde_json::to_string(&resolve(json!(8))).unwrap(),
        serde_json::to_string(&resolve(json!(8.0))).unwrap()
    );
}

#[test]
fn unknown_parameters_are_errors_that_list_the_nearest() {
    for entry in MEMORY_FUNCTIONS.all() {
        let params = json!({"normalize": true}).as_object().unwrap().clone();
        let fields = (entry.fields)();
        let known = nearest("normalize", fields.iter().map(|field| field.name.as_str()));
        for error in [(entry.resolve)(&params).unwrap_err(), (entry.build)(&params).unwrap_err()] {
            let kind = format!("parameter of the memory function `{}`", entry.info.name);
            assert_eq!((error.kind(), error.what()), (ErrorKind::UnknownName, Some(kind.as_str())));
            assert_eq!((error.value(), error.valid()), (Some("normalize"), Some(known.join(", ").as_str())));
        }
    }
}

#[test]
fn values_of_the_wrong_type_and_unknown_names_are_errors() {
    let params = json!({"alpha": "fast"}).as_object().unwrap().clone();
    assert_eq!(
        memory_function("exponential", &params).unwrap_err().chain(),
        "The parameters of the memory function `exponential` are not valid: `alpha` is \"fast\", but it must be a finite \
         number from 0 up."
    );
    let error = memory_function("exponental", &Params::new()).unwrap_err();
    assert_eq!((error.kind(), error.what()), (ErrorKind::UnknownName, Some("memory function")));
    assert!(error.to_string().contains("Did you mean `exponential`?"), "{error}");
}

#[test]
fn no_memory_over_no_steps() {
    for_all(|entry, params| {
        let error = (entry.build)(params).unwrap().memory(0).unwrap_err();
        assert_eq!((error.kind(), error.what()), (ErrorKind::InvalidValue, Some("length")));
    });
}
