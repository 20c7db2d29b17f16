//! The table at the end.

use std::io::Write;

use super::process;

/// One line of the table.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) what: String,
    pub(crate) forebay: String,
    pub(crate) bare: String,
    pub(crate) ratio: String,
    pub(crate) target: String,
    /// `None`: there is no target.
    pub(crate) met: Option<bool>,
}

impl Row {
    /// A figure of forebay alone.
    pub(crate) fn alone(what: impl Into<String>, forebay: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            forebay: forebay.into(),
            bare: String::new(),
            ratio: String::new(),
            target: String::new(),
            met: None,
        }
    }

    /// A figure next to the bare program's.
    pub(crate) fn pair(
        what: impl Into<String>,
        forebay: impl Into<String>,
        bare: impl Into<String>,
        ratio: f64,
    ) -> Self {
        Self { bare: bare.into(), ratio: format!("{ratio:.2}"), ..Self::alone(what, forebay) }
    }

    pub(crate) fn target(self, target: impl Into<String>, met: bool) -> Self {
        Self { target: target.into(), met: Some(met), ..self }
    }
}

/// The middle value; of an even number, the mean of the middle two. Zero of none.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.get(middle) {
        None => 0.0,
        Some(&upper) if values.len() % 2 == 1 => upper,
        Some(&upper) => f64::midpoint(values[middle - 1], upper),
    }
}

/// Prints the rows as a Markdown table, so that they can go into the documentation as they are. `head` says what a
/// run was.
pub(crate) fn print(rows: &[Row], head: &str, quick: bool) -> anyhow::Result<()> {
    let names = ["what", "forebay", "bare loop", "ratio", "target", ""].map(str::to_owned);
    let mut lines = vec![names];
    lines.extend(rows.iter().map(|row| {
        let verdict = match row.met {
            None => "",
            Some(true) => "met",
            Some(false) => "MISSED",
        };
        [&row.what, &row.forebay, &row.bare, &row.ratio, &row.target, verdict].map(ToString::to_string)
    }));
    let widths: Vec<usize> =
        (0..6).map(|column| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0).max(3)).collect();
    let mut out = std::io::stdout().lock();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let quick = if quick { "; QUICK: too short to mean anything" } else { "" };
    writeln!(out, "\n{cores} cores, load {} at the end; {head}{quick}\n", process::load())?;
    for (number, line) in lines.iter().enumerate() {
        let cells: Vec<String> = line.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}")).collect();
        writeln!(out, "| {} |", cells.join(" | "))?;
        if number == 0 {
            let rules: Vec<String> = widths.iter().map(|&width| "-".repeat(width)).collect();
            writeln!(out, "| {} |", rules.join(" | "))?;
        }
    }
    let missed = rows.iter().filter(|row| row.met == Some(false)).count();
    writeln!(out, "\n{missed} of {} targets missed", rows.iter().filter(|row| row.met.is_some()).count())?;
    Ok(())
}
