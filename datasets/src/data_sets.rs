//! The list of data sets of files.

use std::path::{Path, PathBuf};

use lookback_registry::{Entry, Error, ErrorKind, Registry, Result};

use crate::images::Cifar10;
use crate::text::{LanguageTextConfig, RetrievalTextConfig, find_text};
use crate::{DataFolder, Fetch, FetchEvent, FetchOptions, RemoteArchive, fetch_cifar10};

/// One line of [`DATA_SETS`]: a data set of files, which may be in a [`DataFolder`] or not.
///
/// ```
/// use lookback_datasets::{DATA_SETS, DataFolder, DataSetEntry};
///
/// DATA_SETS.add(DataSetEntry {
///     name: "my-images",
///     summary: "Images of the institute's garden.",
///     source: "taken by ourselves, 2026",
///     licence: "CC BY 4.0",
///     layout: "PNG files in the folder `garden`",
///     find: |data| data.find(&["garden"], |folder| folder.join("gate.png").is_file()),
///     fetch: None,
/// });
/// assert_eq!((DATA_SETS.get("my-images")?.find)(&DataFolder::new(Some("nowhere".into()))), None);
/// # Ok::<(), lookback_registry::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct DataSetEntry {
    /// The name on the command line, lower-case with hyphens.
    pub name: &'static str,
    /// What it is, in one sentence.
    pub summary: &'static str,
    /// Authors, title, year, link.
    pub source: &'static str,
    /// Under what terms it can be used.
    pub licence: &'static str,
    /// Its files, and their folder in a data folder.
    pub layout: &'static str,
    /// The folder or file where a data folder has it.
    pub find: fn(&DataFolder) -> Option<PathBuf>,
    /// Brings it into a data folder; absent where it has to be downloaded by hand.
    pub fetch: Option<Fetch>,
}

impl DataSetEntry {
    /// Brings the data set into the first place of `data`, from the network or `from` an archive or a folder, and returns its
    /// folder.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] where it has to be downloaded by hand; no place is known; or as [`fetch_cifar10`].
    pub fn fetch(
        &self,
        data: &DataFolder,
        from: Option<PathBuf>,
        observe: &mut dyn FnMut(FetchEvent),
    ) -> Result<PathBuf> {
        let Some(Fetch { archive, run }) = &self.fetch else {
            let message = format!(
                "The data set `{}` has to be downloaded by hand (source: {}); it consists of {}.",
                self.name, self.source, self.layout
            );
            return Err(Error::new(ErrorKind::Unsupported, message));
        };
        run(&FetchOptions { from, ..FetchOptions::new(data.home()?, archive.clone()) }, observe)
    }
}

impl Entry for DataSetEntry {
    const KIND: &'static str = "data set";

    fn name(&self) -> &str {
        self.name
    }
}

/// The list of data sets; a program adds its own as shown at [`DataSetEntry`].
pub static DATA_SETS: Registry<DataSetEntry> = Registry::new(|| {
    vec![
        DataSetEntry {
            name: "cifar10",
            summary: "CIFAR-10: 60,000 images of 32 x 32 pixels in ten classes.",
            source: "Krizhevsky, \"Learning multiple layers of features from tiny images\", 2009, \
                     https://www.cs.toronto.edu/~kriz/cifar.html",
            licence: "none stated",
            layout: "the batches of the binary version in the folder `cifar-10-batches-bin`, or pictures \
                     `{train,test}/CLASS/*.png` in the folder `cifar-10-png`",
            find: Cifar10::find,
            fetch: Some(Fetch { archive: RemoteArchive::cifar10(), run: fetch_cifar10 }),
        },
        DataSetEntry {
            name: "ms-marco",
            summary: "MS MARCO's passage ranking: queries, 8.8 million passages, and which passage answers which query.",
            source: "Bajaj et al., \"MS MARCO: a human generated machine reading comprehension dataset\", 2016, \
                     https://microsoft.github.io/msmarco/",
            licence: "non-commercial research",
            layout: "`queries.train.tsv`, `collection.tsv` and `qrels.train.tsv` in the folder `ms-marco`",
            find: |data| {
                let files = RetrievalTextConfig::default().files(data).ok()?;
                files.collection.parent().map(Path::to_owned)
            },
            fetch: None,
        },
        DataSetEntry {
            name: "bert-embeddings",
            summary: "BERT's embeddings of 30,522 word pieces, 768 channels each, and its tokenizer.",
            source: "Devlin, Chang, Lee, Toutanova, \"BERT: pre-training of deep bidirectional Transformers for language \
                     understanding\", 2019, https://huggingface.co/google-bert/bert-base-uncased",
            licence: "Apache-2.0",
            layout: "`model.safetensors` and `tokenizer.json` in the folder `ms-marco`",
            find: |data| RetrievalTextConfig::default().found_embeddings(data),
            fetch: None,
        },
        DataSetEntry {
            name: "tiny-shakespeare",
            summary: "A megabyte of Shakespeare's plays as plain text.",
            source: "Karpathy, char-rnn, 2015, https://github.com/karpathy/char-rnn",
            licence: "public domain",
            layout: "`tiny-shakespeare.txt` in the folder `text`",
            find: |data| find_text(data, LanguageTextConfig::default().file),
            fetch: None,
        },
    ]
});
