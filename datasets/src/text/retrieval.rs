//! Queries with their passages, and hard negatives.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::ops::Range;
use std::path::{Path, PathBuf};

use lookback_registry::{Error, ErrorKind, Result};

use super::bm25::Bm25;
use super::generated::GeneratedRetrieval;
use super::ms_marco::{read_qrels, read_texts};
use crate::files;
use crate::random::{Key, SampleRng};

/// Where the three files lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetrievalFiles {
    /// Queries: number, tab, text.
    pub queries: PathBuf,
    /// Passages: number, tab, text.
    pub collection: PathBuf,
    /// Relevance: query, 0, passage, relevance.
    pub qrels: PathBuf,
}

/// How much of the files is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetrievalLimits {
    /// Queries, exactly: the first that have a relevant passage.
    pub queries: usize,
    /// Passages, at most: those relevant to the queries, and the first others.
    pub passages: usize,
    /// Whether malformed rows are skipped and counted.
    pub lenient: bool,
}

/// Queries, the passages relevant to each, and other passages.
#[derive(Debug, Clone, PartialEq)]
pub struct RetrievalCorpus {
    queries: Vec<String>,
    /// By query: indices of passages, increasing.
    positives: Vec<Vec<usize>>,
    passages: Vec<String>,
    skipped: usize,
}

/// The passages that a query is asked to choose from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Candidates {
    /// Indices of passages.
    pub passages: Vec<usize>,
    /// The place of the relevant one.
    pub positive: usize,
}

/// One of the files, opened.
struct Source<'a> {
    name: PathBuf,
    reader: Box<dyn BufRead + 'a>,
}

impl<'a> Source<'a> {
    fn open(path: &Path) -> Result<Self> {
        files::plain_size(path)?;
        let file = File::open(path).map_err(|error| Error::io("read", path, error))?;
        Ok(Self { name: path.to_owned(), reader: Box::new(BufReader::with_capacity(1 << 16, file)) })
    }

    fn text(name: &str, text: &'a str) -> Self {
        Self { name: name.into(), reader: Box::new(text.as_bytes()) }
    }
}

impl RetrievalCorpus {
    /// Reads MS MARCO's files, the collection row by row: only what is kept takes memory.
    ///
    /// # Errors
    /// A file cannot be read, has a malformed row while `limits.lenient` is false, or there are too few queries with
    /// relevant passages, or more relevant passages than `limits.passages`.
    pub fn open(paths: &RetrievalFiles, limits: RetrievalLimits) -> Result<Self> {
        let RetrievalFiles { queries, collection, qrels } = paths;
        Self::read(|| Ok([Source::open(queries)?, Source::open(collection)?, Source::open(qrels)?]), limits)
    }

    /// Reads generated files.
    ///
    /// # Errors
    /// As [`RetrievalCorpus::open`].
    pub fn generated(files: &GeneratedRetrieval, limits: RetrievalLimits) -> Result<Self> {
        let GeneratedRetrieval { queries, collection, qrels } = files;
        let sources = || {
            Ok([
                Source::text("generated queries", queries),
                Source::text("generated collection", collection),
                Source::text("generated qrels", qrels),
            ])
        };
        Self::read(sources, limits)
    }

    /// Reads queries, collection and relevance; once more where the collection turns out to lack passages of the queries.
    fn read<'a>(sources: impl Fn() -> Result<[Source<'a>; 3]>, limits: RetrievalLimits) -> Result<Self> {
        let mut present = None;
        loop {
            if let Some(corpus) = Self::attempt(sources()?, limits, &mut present)? {
                return Ok(corpus);
            }
        }
    }

    /// Reads the corpus, of the relevant passages only those that are `present`, if that is given. None, and `present` is
    /// given, where the collection lacks passages of the queries that were read, and other queries may take their place.
    fn attempt(
        [queries, collection, qrels]: [Source; 3],
        limits: RetrievalLimits,
        present: &mut Option<HashSet<u64>>,
    ) -> Result<Option<Self>> {
        let RetrievalLimits { queries: wanted, passages: most, lenient } = limits;
        let mut relevant: HashMap<u64, Vec<u64>> = HashMap::new();
        let mut skipped = read_qrels(qrels.reader, &qrels.name, lenient, |query, passage| {
            if present.as_ref().is_none_or(|present| present.contains(&passage)) {
                relevant.entry(query).or_default().push(passage);
            }
            Ok(true)
        })?;
        let asked: HashSet<u64> = relevant.values().flatten().copied().collect();
        let mut texts = Vec::new();
        let mut numbers: Vec<Vec<u64>> = Vec::new();
        skipped += read_texts(queries.reader, &queries.name, lenient, |query, text| {
            if let Some(passages) = relevant.get_mut(&query) {
                // Those of a query that was read are gone.
                if passages.is_empty() {
                    return Err(format!("repeats the number {query}"));
                }
                texts.push(text.to_owned());
                numbers.push(std::mem::take(passages));
            }
            Ok(texts.len() < wanted)
        })?;
        // The index of each passage that is kept; those of the queries have a place from the start.
        let mut places: HashMap<u64, Option<usize>> = numbers.iter().flatten().map(|number| (*number, None)).collect();
        if places.len() > most {
            let valid = format!("at least {}, the relevant passages of {} queries", places.len(), texts.len());
            return Err(Error::invalid("max_passages", most, valid));
        }
        let (mut missing, mut room) = (places.len(), most - places.len());
        let mut passages = Vec::new();
        let mut found = HashSet::new();
        skipped += read_texts(collection.reader, &collection.name, lenient, |number, text| {
            if asked.contains(&number) {
                found.insert(number);
            }
            match places.get_mut(&number) {
                Some(Some(_)) => return Err(format!("repeats the number {number}")),
                Some(place) => {
                    *place = Some(passages.len());
                    missing -= 1;
                }
                None if room > 0 => {
                    places.insert(number, Some(passages.len()));
                    room -= 1;
                }
                None => return Ok(true),
            }
            passages.push(text.to_owned());
            Ok(missing > 0 || room > 0)
        })?;
        let read = texts.len();
        let positives = numbers.into_iter().map(|numbers| {
            let mut found: Vec<usize> = numbers.iter().filter_map(|number| places[number]).collect();
            found.sort_unstable();
            found.dedup();
            found
        });
        let (queries_kept, positives): (Vec<String>, Vec<Vec<usize>>) =
            texts.into_iter().zip(positives).filter(|(_, positives)| !positives.is_empty()).unzip();
        if queries_kept.len() < wanted {
            // The collection was read to its end, as passages are missing.
            if read == wanted && present.is_none() {
                *present = Some(found);
                return Ok(None);
            }
            let message = format!(
                "`{}`, `{}` and `{}` have {} queries with a relevant passage, but {wanted} are asked for.",
                queries.name.display(),
                qrels.name.display(),
                collection.name.display(),
                queries_kept.len()
            );
            return Err(Error::new(ErrorKind::Mismatch, message).at(queries.name.display()));
        }
        Ok(Some(Self { queries: queries_kept, positives, passages, skipped }))
    }

    /// The queries.
    pub fn queries(&self) -> &[String] {
        &self.queries
    }

    /// The passages.
    pub fn passages(&self) -> &[String] {
        &self.passages
    }

    /// The passages that are relevant to a query, by index.
    pub fn positives(&self, query: usize) -> &[usize] {
        &self.positives[query]
    }

    /// Malformed rows that were skipped.
    pub fn skipped(&self) -> usize {
        self.skipped
    }

    /// For each of these queries, its first relevant passage among `count - 1` hard negatives: the best of BM25 that are
    /// not relevant, and random ones where fewer share a word with the query. Their order is random, a pure function of
    /// (seed, query).
    ///
    /// # Errors
    /// There are not so many passages.
    pub(super) fn candidates(&self, queries: Range<usize>, count: usize, seed: u64) -> Result<Vec<Candidates>> {
        let index = Bm25::new(self.passages.iter().map(String::as_str));
        let mut searcher = index.searcher();
        let key = Key::new("retrieval candidates", seed);
        let choose = |query: usize| {
            let positives = &self.positives[query];
            if self.passages.len() + 1 < count + positives.len() {
                let (all, others) = (self.passages.len(), self.passages.len() - positives.len());
                let valid =
                    format!("at most {}, as of {all} passages {others} are not relevant to query {query}", others + 1);
                return Err(Error::invalid("candidates", count, valid));
            }
            let mut rng = SampleRng::new(key, query as u64);
            let found = searcher.search(&self.queries[query], count - 1 + positives.len());
            let mut passages: Vec<usize> = found.into_iter().map(|(passage, _)| passage).collect();
            passages.retain(|passage| !positives.contains(passage));
            passages.truncate(count - 1);
            while passages.len() < count - 1 {
                let other = rng.below(self.passages.len());
                if !positives.contains(&other) && !passages.contains(&other) {
                    passages.push(other);
                }
            }
            for last in (1..passages.len()).rev() {
                passages.swap(last, rng.below(last + 1));
            }
            let positive = rng.below(count);
            passages.insert(positive, positives[0]);
            Ok(Candidates { passages, positive })
        };
        queries.map(choose).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::refused;

    const LIMITS: RetrievalLimits = RetrievalLimits { queries: 2, passages: 5, lenient: false };
    const QUERIES: &str = "1\tno passage\n2\tred moon\n3\tblue sea\n4\tnever read\n";
    const COLLECTION: &str =
        "10\tgreen moon\n11\tblue sea\n12\tred moon\n13\tred red sea\n14\tleft out\n15\tred moon too\n";
    const QRELS: &str = "2\t0\t12\t1\n2\t0\t15\t1\n3\t0\t11\t1\n9\t0\t11\t1\n3\t0\t99\t1\n";

    fn read(collection: &str, limits: RetrievalLimits) -> Result<RetrievalCorpus> {
        let files = GeneratedRetrieval { queries: QUERIES.into(), collection: collection.into(), qrels: QRELS.into() };
        RetrievalCorpus::generated(&files, limits)
    }

    #[test]
    fn relevant_passages_are_kept_and_others_while_there_is_room() {
        let limits = RetrievalLimits { passages: 6, ..LIMITS };
        let corpus = read(COLLECTION, limits).unwrap();
        assert_eq!(corpus.queries(), ["red moon", "blue sea"]);
        assert_eq!(corpus.passages(), ["green moon", "blue sea", "red moon", "red red sea", "red moon too"]);
        assert_eq!((corpus.positives(0), corpus.positives(1)), (&[2, 4][..], &[1][..]));
        let candidates = corpus.candidates(0..2, 3, 7).unwrap();
        for (query, Candidates { passages, positive }) in candidates.iter().enumerate() {
            assert_eq!(passages[*positive], corpus.positives(query)[0]);
            let mut negatives = passages.clone();
            negatives.remove(*positive);
            negatives.sort_unstable();
            // Of query 0 both share a word; query 1 has one such passage, and one that is drawn.
            match query {
                0 => assert_eq!(negatives, [0, 3]),
                _ => assert!(negatives.contains(&3) && !negatives.contains(&1), "{negatives:?}"),
            }
        }
        assert_eq!(candidates, corpus.candidates(0..2, 3, 7).unwrap());
        assert_eq!(
            corpus.candidates(0..1, 5, 7).unwrap_err().to_string(),
            "`candidates` is 5, but it must be at most 4, as of 5 passages 3 are not relevant to query 0."
        );
    }

    #[test]
    fn corpora_that_are_too_small_or_malformed_are_errors() {
        assert_eq!(refused(read(COLLECTION, RetrievalLimits { passages: 3, ..LIMITS })), "max_passages");
        assert_eq!(
            read(COLLECTION, RetrievalLimits { queries: 3, ..LIMITS }).unwrap_err().to_string(),
            "`generated queries`, `generated qrels` and `generated collection` have 2 queries with a relevant passage, but \
             3 are asked for."
        );
        let twice = "11\tblue sea\n11\tblue sea\n12\tred moon\n15\tred\nfault\n";
        let repeated = |error: Error, place: &str, number: u64| {
            assert_eq!((error.kind(), error.place()), (ErrorKind::Corrupt, Some(place)));
            assert!(error.to_string().contains(&format!(" repeats the number {number}; a valid row is ")), "{error}");
        };
        repeated(read(twice, LIMITS).unwrap_err(), "generated collection:2", 11);
        let lenient = RetrievalLimits { lenient: true, ..LIMITS };
        assert_eq!(read(twice, lenient).unwrap().skipped(), 2);
        let twice = GeneratedRetrieval {
            queries: "2\tred moon\n2\tblue moon\n3\tblue sea\n".into(),
            collection: COLLECTION.into(),
            qrels: QRELS.into(),
        };
        repeated(RetrievalCorpus::generated(&twice, LIMITS).unwrap_err(), "generated queries:2", 2);
        let corpus = RetrievalCorpus::generated(&twice, lenient).unwrap();
        assert_eq!((corpus.queries(), corpus.skipped()), (&["red moon".to_owned(), "blue sea".to_owned()][..], 1));
    }

    #[test]
    fn queries_whose_passages_are_not_there_make_room_for_others() {
        // Passage 12 is malformed, and 98 is nowhere.
        let files = GeneratedRetrieval {
            queries: QUERIES.into(),
            collection: "11\tblue sea\n12\n13\tred\n14\tlast\n".into(),
            qrels: "1\t0\t98\t1\n2\t0\t12\t1\n3\t0\t11\t1\n4\t0\t13\t1\n".into(),
        };
        let limits = RetrievalLimits { lenient: true, ..LIMITS };
        let corpus = RetrievalCorpus::generated(&files, limits).unwrap();
        assert_eq!(corpus.queries(), ["blue sea", "never read"]);
        assert_eq!(corpus.passages(), ["blue sea", "red", "last"]);
        assert_eq!((corpus.positives(0), corpus.positives(1), corpus.skipped()), (&[0][..], &[1][..], 1));
        let error = RetrievalCorpus::generated(&files, RetrievalLimits { queries: 3, ..limits }).unwrap_err();
        assert_eq!((error.kind(), error.place()), (ErrorKind::Mismatch, Some("generated queries")));
    }

    #[test]
    fn files_are_read_from_disk() {
        let folder = tempfile::tempdir().unwrap();
        let generated = GeneratedRetrieval::new(20, 30, 1);
        let path = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let files = RetrievalFiles {
            queries: path("q", &generated.queries),
            collection: path("c", &generated.collection),
            qrels: path("r", &generated.qrels.replace('\t', " ")),
        };
        let limits = RetrievalLimits { queries: 20, passages: 30, lenient: false };
        assert_eq!(
            RetrievalCorpus::open(&files, limits).unwrap(),
            RetrievalCorpus::generated(&generated, limits).unwrap()
        );
        for (qrels, kind) in
            [(&folder.path().join("none"), ErrorKind::NotFound), (&folder.path().into(), ErrorKind::Corrupt)]
        {
            let files = RetrievalFiles { qrels: qrels.clone(), ..files.clone() };
            let error = RetrievalCorpus::open(&files, limits).unwrap_err();
            assert_eq!((error.kind(), error.place()), (kind, qrels.to_str()));
        }
    }
}
