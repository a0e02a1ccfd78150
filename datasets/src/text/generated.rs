//! Text that is made up, for where none is at hand.

use std::fmt::Write;

use crate::random::{Key, SampleRng};

/// Words that all topics share.
const COMMON_WORDS: usize = 200;
/// Words of a topic of its own.
const TOPIC_WORDS: usize = 32;
/// Passages that share a topic, about.
const TOPIC_PASSAGES: usize = 96;
/// Words of a topic in a passage.
const PASSAGE_TOPIC: usize = 10;
/// Common words in a passage.
const PASSAGE_COMMON: usize = 6;
/// Words of its passage in a query.
const QUERY_TOPIC: usize = 5;

/// The n-th made-up word, of two to four syllables; different numbers give different words.
fn word(number: usize) -> String {
    const CONSONANTS: &[u8] = b"bdfgklmnprstvz";
    const VOWELS: &[u8] = b"aeiou";
    let mut text = String::new();
    let mut rest = number;
    while rest > 0 || text.len() < 4 {
        text.push(char::from(CONSONANTS[rest % CONSONANTS.len()]));
        rest /= CONSONANTS.len();
        text.push(char::from(VOWELS[rest % VOWELS.len()]));
        rest /= VOWELS.len();
    }
    text
}

/// Different numbers below `end`, in random order; all of them where `count` is more.
fn some(count: usize, end: usize, rng: &mut SampleRng) -> Vec<usize> {
    let mut all: Vec<usize> = (0..end).collect();
    for place in 0..count.min(end) {
        let other = place + rng.below(end - place);
        all.swap(place, other);
    }
    all.truncate(count);
    all
}

/// A small retrieval corpus in the files of MS MARCO's passage ranking.
///
/// About 96 passages share a topic of 32 words of its own; a passage has 10 of them, and 6 words that are common to all
/// topics, in random order. A query has 5 of the topic's words in its one relevant passage, and a common word: passages of
/// the same topic share 1.6 of the five by chance, which makes them hard negatives, and the passage with most words of the
/// query is mostly the right one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GeneratedRetrieval {
    /// The queries file: number, tab, text.
    pub queries: String,
    /// The collection file: number, tab, text.
    pub collection: String,
    /// The relevance file: query, 0, passage, 1, between tabs.
    pub qrels: String,
}

impl GeneratedRetrieval {
    /// A corpus of so many queries and passages (from 1 up), a pure function of the three numbers.
    pub fn new(queries: usize, passages: usize, seed: u64) -> Self {
        let topics = (passages / TOPIC_PASSAGES).max(1);
        let topic_word = |passage: usize, word: usize| COMMON_WORDS + passage % topics * TOPIC_WORDS + word;
        let key = Key::new("generated passages", seed);
        let mut collection = String::new();
        let mut own = Vec::with_capacity(passages);
        for passage in 0..passages {
            let mut rng = SampleRng::new(key, passage as u64);
            let topic: Vec<usize> = some(PASSAGE_TOPIC, TOPIC_WORDS, &mut rng);
            let topic: Vec<usize> = topic.into_iter().map(|word| topic_word(passage, word)).collect();
            let words = [topic.clone(), some(PASSAGE_COMMON, COMMON_WORDS, &mut rng)].concat();
            row(&mut collection, passage, &words, &mut rng);
            own.push(topic);
        }
        let key = Key::new("generated queries", seed);
        let (mut all, mut qrels) = (String::new(), String::new());
        for query in 0..queries {
            let mut rng = SampleRng::new(key, query as u64);
            let passage = query % passages;
            let mut words: Vec<usize> =
                some(QUERY_TOPIC, PASSAGE_TOPIC, &mut rng).into_iter().map(|word| own[passage][word]).collect();
            words.push(rng.below(COMMON_WORDS));
            row(&mut all, query, &words, &mut rng);
            writeln!(qrels, "{query}\t0\t{passage}\t1").expect("a string takes all");
        }
        Self { queries: all, collection, qrels }
    }
}

/// A row of these words in random order.
fn row(file: &mut String, number: usize, words: &[usize], rng: &mut SampleRng) {
    let order = some(words.len(), words.len(), rng);
    let text: Vec<String> = order.into_iter().map(|place| word(words[place])).collect();
    writeln!(file, "{number}\t{}", text.join(" ")).expect("a string takes all");
}

/// Facts that a paragraph states, and asks for.
const FACTS: usize = 4;
/// Different names, things and places.
const KINDS: usize = 24;

/// Made-up text of at least `bytes` bytes, in paragraphs that first tell who keeps what where and then ask for it in
/// another order, so that answers need what comes at a place that the question tells. A pure function of the seed, but
/// for its length.
///
/// ```
/// let text = lookback_datasets::text::generate_text(100, 0);
/// assert!(text.len() >= 100 && text.lines().next().unwrap().contains(" keeps the "));
/// ```
pub fn generate_text(bytes: usize, seed: u64) -> String {
    let key = Key::new("generated text", seed);
    let mut text = String::new();
    for paragraph in 0.. {
        let mut rng = SampleRng::new(key, paragraph);
        let [names, things] =
            [0, KINDS].map(|first| some(FACTS, KINDS, &mut rng).into_iter().map(move |n| word(first + n)));
        let places: Vec<usize> = (0..FACTS).map(|_| 2 * KINDS + rng.below(KINDS)).collect();
        let facts: Vec<_> = names.zip(things).zip(places.into_iter().map(word)).collect();
        for ((name, thing), place) in &facts {
            writeln!(text, "{name} keeps the {thing} in {place}.").expect("a string takes all");
        }
        for fact in some(FACTS, FACTS, &mut rng) {
            let ((name, thing), place) = &facts[fact];
            writeln!(text, "who keeps the {thing}? {name}, in {place}.").expect("a string takes all");
        }
        text.push('\n');
        if text.len() >= bytes {
            break;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::*;

    #[test]
    fn words_differ() {
        let words: HashSet<String> = (0..20_000).map(word).collect();
        assert_eq!(words.len(), 20_000);
    }

    #[test]
    fn queries_share_most_words_with_their_passage() {
        let corpus = GeneratedRetrieval::new(300, 200, 5);
        assert_eq!(corpus, GeneratedRetrieval::new(300, 200, 5));
        let rows = |file: &str| -> HashMap<usize, HashSet<String>> {
            let row = |line: &str| {
                let (number, text) = line.split_once('\t').unwrap();
                (number.parse().unwrap(), text.split(' ').map(str::to_owned).collect())
            };
            file.lines().map(row).collect()
        };
        let (queries, passages) = (rows(&corpus.queries), rows(&corpus.collection));
        assert_eq!((queries.len(), passages.len(), corpus.qrels.lines().count()), (300, 200, 300));
        let mut right = 0;
        for line in corpus.qrels.lines() {
            let [query, "0", passage, "1"] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
            let shared = |passage: usize| queries[&query.parse().unwrap()].intersection(&passages[&passage]).count();
            let own = shared(passage.parse().unwrap());
            assert!(own >= QUERY_TOPIC);
            right += usize::from((0..200).filter(|other| shared(*other) >= own).count() == 1);
        }
        assert!(right > 220, "{right} of 300 are alone with the most shared words");
    }

    #[test]
    fn text_grows_at_its_end() {
        let (short, long) = (generate_text(1000, 1), generate_text(5000, 1));
        assert!(short.len() >= 1000 && long.len() >= 5000 && long.starts_with(&short));
        assert_ne!(long, generate_text(5000, 2));
    }
}
