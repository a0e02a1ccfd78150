//! Ranking of passages by the words that they share with a query.

use std::collections::HashMap;

/// How soon further occurrences of a word stop to count.
const K1: f64 = 1.2;
/// How much the length of a passage counts.
const B: f64 = 0.75;
/// Words that come in more passages than this, and in more than a tenth of all, are looked up only where a query has no
/// other: they say little and cost most.
const COMMON: usize = 1000;

/// An index of passages for BM25 (Robertson, Zaragoza, "The probabilistic relevance framework: BM25 and beyond", 2009,
/// <https://doi.org/10.1561/1500000019>) in the form of Lucene, whose weights are never negative:
///
/// `score = sum_w ln(1 + (N - n_w + 0.5) / (n_w + 0.5)) f_w (k1 + 1) / (f_w + k1 (1 - b + b |p| / mean |p|))`
///
/// over the words w of the query, where w comes f_w times in the passage p of |p| words and in n_w of N passages;
/// k1 = 1.2, b = 0.75. Words are runs of letters and digits in lower case.
#[derive(Debug)]
pub struct Bm25 {
    terms: HashMap<String, usize>,
    /// By term: passages that it is in, with how often.
    postings: Vec<Vec<(u32, u32)>>,
    /// By passage: `k1 (1 - b + b |p| / mean |p|)`.
    lengths: Vec<f64>,
}

impl Bm25 {
    /// Indexes passages, at most 2^32 of them; further ones are left out.
    pub fn new<'a>(passages: impl IntoIterator<Item = &'a str>) -> Self {
        let mut terms: HashMap<String, usize> = HashMap::new();
        let mut postings: Vec<Vec<(u32, u32)>> = Vec::new();
        let mut counts = Vec::new();
        for (passage, text) in (0..=u32::MAX).zip(passages) {
            let mut count = 0_u32;
            for word in words(text) {
                count += 1;
                let next = terms.len();
                let term = *terms.entry(word).or_insert(next);
                if term == postings.len() {
                    postings.push(Vec::new());
                }
                match postings[term].last_mut() {
                    Some((last, often)) if *last == passage => *often += 1,
                    _ => postings[term].push((passage, 1)),
                }
            }
            counts.push(count);
        }
        let total: f64 = counts.iter().copied().map(f64::from).sum();
        let mean = (total / counts.len().max(1) as f64).max(f64::MIN_POSITIVE);
        let lengths = counts.into_iter().map(|count| K1 * (1.0 - B + B * f64::from(count) / mean)).collect();
        Self { terms, postings, lengths }
    }

    /// Passages in the index.
    pub fn len(&self) -> usize {
        self.lengths.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.lengths.is_empty()
    }

    /// What searches it, one query after the other.
    pub fn searcher(&self) -> Searcher<'_> {
        Searcher { index: self, scores: vec![0.0; self.len()] }
    }
}

/// Searches of a [`Bm25`] index.
#[derive(Debug)]
pub struct Searcher<'a> {
    index: &'a Bm25,
    /// By passage; 0 between searches.
    scores: Vec<f64>,
}

impl Searcher<'_> {
    /// The best `most` passages with their scores, best first and of equal ones the first first; none that shares no
    /// word with the query.
    pub fn search(&mut self, query: &str, most: usize) -> Vec<(usize, f64)> {
        let Bm25 { terms, postings, lengths } = self.index;
        let mut found: Vec<usize> = words(query).filter_map(|word| terms.get(&word).copied()).collect();
        found.sort_unstable();
        let common = COMMON.max(lengths.len() / 10);
        if found.iter().any(|term| postings[*term].len() <= common) {
            found.retain(|term| postings[*term].len() <= common);
        }
        let mut touched = Vec::new();
        for term in found {
            let postings = &postings[term];
            let within = postings.len() as f64;
            let weight = libm::log(1.0 + (lengths.len() as f64 - within + 0.5) / (within + 0.5));
            for (passage, often) in postings {
                let (passage, often) = (*passage as usize, f64::from(*often));
                if self.scores[passage] == 0.0 {
                    touched.push(passage);
                }
                self.scores[passage] += weight * often * (K1 + 1.0) / (often + lengths[passage]);
            }
        }
        let mut ranked: Vec<(usize, f64)> =
            touched.into_iter().map(|passage| (passage, std::mem::take(&mut self.scores[passage]))).collect();
        let order = |left: &(usize, f64), right: &(usize, f64)| right.1.total_cmp(&left.1).then(left.0.cmp(&right.0));
        if most < ranked.len() {
            if most > 0 {
                ranked.select_nth_unstable_by(most - 1, order);
            }
            ranked.truncate(most);
        }
        ranked.sort_unstable_by(order);
        ranked
    }
}

/// Runs of letters and digits, in lower case.
fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|character: char| !character.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand, with k1 = 1.2, b = .75: 4 passages of 4, 2, 2 and 4 words (mean 3), `cat` in three of them, `mat` in
    /// one. Weights: cat ln(1 + 1.5/3.5) = .356675, mat ln(1 + 3.5/1.5) = 1.203973. Lengths: 1.2 (.25 + .75 |p| / 3) is
    /// 1.5 at 4 words and .9 at 2.
    #[test]
    fn scores_and_order_are_those_by_hand() {
        let passages = ["The cat, the mat.", "cat cat", "a dog", "A CAT and dog"];
        let index = Bm25::new(passages);
        let found = index.searcher().search("Cat mat?", 9);
        let expected = [
            (0, 0.356675 * 2.2 / 2.5 + 1.203973 * 2.2 / 2.5),
            (1, 0.356675 * 2.0 * 2.2 / 2.9),
            (3, 0.356675 * 2.2 / 2.5),
        ];
        assert_eq!(found.iter().map(|(passage, _)| *passage).collect::<Vec<_>>(), [0, 1, 3]);
        for ((_, score), (_, expected)) in found.iter().zip(expected) {
            assert!((score - expected).abs() < 1e-6, "{score} {expected}");
        }
    }

    #[test]
    fn searches_do_not_disturb_each_other_and_ties_go_to_the_first() {
        let index = Bm25::new(["x y", "y x", "z", ""]);
        let mut searcher = index.searcher();
        let first = searcher.search("x", 9);
        assert_eq!(first.iter().map(|(passage, _)| *passage).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(searcher.search("x", 1), first[..1]);
        assert_eq!(searcher.search("x", 0), []);
        assert_eq!(searcher.search("nothing of it", 9), []);
        assert_eq!(searcher.search("x", 9), first);
        assert!(Bm25::new([]).searcher().search("x", 3).is_empty());
    }
}
