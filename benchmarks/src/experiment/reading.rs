//! What is read from runs: tables, figures, findings, published values beside ours.

use super::comparison::Comparison;
use super::figure::Figure;
use super::finding::Finding;
use super::table::Table;

/// Name and contents of an experiment.
#[derive(Debug, Clone, Copy)]
pub struct ExperimentInfo {
    /// Its name, unique among all suites, e.g. `H1`.
    pub name: &'static str,
    /// What is asked, in a few words.
    pub title: &'static str,
    /// What differs from the paper's set-up, or what the paper leaves open and was chosen here.
    pub differs: &'static str,
    /// What explains numbers that may surprise; empty where there is nothing to say.
    pub remark: &'static str,
}

/// Name and contents of a suite.
#[derive(Debug, Clone, Copy)]
pub struct SuiteInfo {
    /// The name on the command line.
    pub name: &'static str,
    /// The title of its report.
    pub title: &'static str,
    /// What it measures, in one sentence.
    pub summary: &'static str,
    /// The paper: authors, title, year, link.
    pub source: &'static str,
}

/// What is read from the cells of one experiment.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    /// Compact tables for the terminal and the report.
    pub tables: Vec<Table>,
    /// Figures in the shape that the paper has, first the most telling; ids are unique among all suites.
    pub figures: Vec<Figure>,
    /// Findings; names are unique among all suites.
    pub findings: Vec<Finding>,
    /// Published values beside ours.
    pub comparisons: Vec<Comparison>,
}

/// What is read from one experiment.
#[derive(Debug, Clone)]
pub struct ExperimentReading {
    /// The experiment.
    pub info: ExperimentInfo,
    /// What its cells say.
    pub reading: Reading,
}

/// What is read from the experiments of one suite.
#[derive(Debug, Clone)]
pub struct Chapter {
    /// The suite.
    pub info: SuiteInfo,
    /// Its experiments, in order, without those that have no run.
    pub experiments: Vec<ExperimentReading>,
}

/// What is read from the outcomes of a suite.
#[derive(Debug, Clone, Default)]
pub struct Analysis {
    /// Suite by suite; one, unless several suites are joined.
    pub chapters: Vec<Chapter>,
    /// All statistics: a row per metric and cell.
    pub cells: Table,
}

impl Analysis {
    /// All experiments, in order.
    pub fn experiments(&self) -> impl Iterator<Item = &ExperimentReading> {
        self.chapters.iter().flat_map(|chapter| &chapter.experiments)
    }

    /// All figures, in order.
    pub fn figures(&self) -> impl Iterator<Item = &Figure> {
        self.experiments().flat_map(|experiment| &experiment.reading.figures)
    }

    /// All findings, in order.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.experiments().flat_map(|experiment| &experiment.reading.findings)
    }

    /// All published values beside ours, in order.
    pub fn comparisons(&self) -> impl Iterator<Item = &Comparison> {
        self.experiments().flat_map(|experiment| &experiment.reading.comparisons)
    }
}
