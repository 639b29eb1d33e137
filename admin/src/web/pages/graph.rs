//! The small graph of a job's page: two steps up, two steps down, drawn as SVG on the server.

use std::collections::BTreeMap;

use hera_domain::graph::{Upstreams, closure, reverse};
use hera_domain::id::JobId;
use hera_domain::status::RunStatus;

use super::parts::Chip;
use crate::master::Definitions;
use crate::web::BASE;
use crate::web::i18n::Lang;

const WIDTH: i32 = 150;
const HEIGHT: i32 = 36;
const COLUMN: i32 = WIDTH + 44;
const ROW: i32 = HEIGHT + 12;
const MARGIN: i32 = 8;
/// Nodes of one column that are drawn; a job with hundreds of dependents has a list beside.
const MAX_ROWS: usize = 12;

/// A drawn graph.
#[derive(Debug)]
pub(super) struct Graph {
    pub width: i32,
    pub height: i32,
    pub nodes: Vec<Node>,
    /// The data of one path each.
    pub edges: Vec<String>,
}

#[derive(Debug)]
pub(super) struct Node {
    pub x: i32,
    pub y: i32,
    pub id: i64,
    pub name: String,
    /// The name as far as it fits.
    pub label: String,
    pub href: String,
    pub centre: bool,
    pub chip: Chip,
}

/// Draws the neighbourhood of a job; `None` if it has no neighbours.
pub(super) fn draw(
    defs: &Definitions,
    centre: JobId,
    latest: &BTreeMap<JobId, RunStatus>,
    lang: Lang,
) -> Option<Graph> {
    let up: Upstreams = defs
        .jobs
        .values()
        .map(|job| {
            let edges = job.schedule().edges.iter().map(|edge| edge.upstream);
            (
                job.id,
                edges.filter(|id| defs.jobs.contains_key(id)).collect(),
            )
        })
        .collect();
    let columns = columns(&up, centre);
    if columns.len() < 2 {
        return None;
    }
    let rows = columns.values().map(Vec::len).max().unwrap_or(1);
    let height = span(rows) + 2 * MARGIN;
    let places: BTreeMap<JobId, (i32, i32)> = columns
        .values()
        .enumerate()
        .flat_map(|(column, jobs)| {
            let x = MARGIN + count(column) * COLUMN;
            let top = (height - span(jobs.len())) / 2;
            let place = move |(row, job): (usize, &JobId)| (*job, (x, top + count(row) * ROW));
            jobs.iter().enumerate().map(place)
        })
        .collect();
    let edges = places
        .iter()
        .flat_map(|(job, to)| {
            let upstreams = up.get(job).into_iter().flatten();
            let drawn = upstreams.filter_map(|upstream| places.get(upstream));
            drawn.map(|from| curve(*from, *to))
        })
        .collect();
    let nodes = places.iter().map(|(id, (x, y))| Node {
        x: *x,
        y: *y,
        id: id.0,
        name: defs.jobs[id].name.clone(),
        label: fit(&defs.jobs[id].name, 15),
        href: format!("{BASE}/schedule/jobs/{id}"),
        centre: *id == centre,
        chip: latest
            .get(id)
            .map_or(Chip::none(lang), |status| Chip::run(*status, lang)),
    });
    Some(Graph {
        width: (count(columns.len()) - 1) * COLUMN + WIDTH + 2 * MARGIN,
        height,
        nodes: nodes.collect(),
        edges,
    })
}

/// Jobs by their signed distance from the centre.
fn columns(up: &Upstreams, centre: JobId) -> BTreeMap<i64, Vec<JobId>> {
    let mut columns: BTreeMap<i64, Vec<JobId>> = BTreeMap::new();
    let above = closure(up, centre, 2);
    let below = closure(&reverse(up), centre, 2);
    let signed =
        |sign: i64| move |(job, distance): (&JobId, &u32)| (sign * i64::from(*distance), *job);
    let below_only = below.iter().filter(|(job, _)| !above.contains_key(job));
    for (distance, job) in above
        .iter()
        .map(signed(-1))
        .chain(below_only.map(signed(1)))
    {
        let column = columns.entry(distance).or_default();
        if column.len() < MAX_ROWS {
            column.push(job);
        }
    }
    columns
}

fn curve((x1, y1): (i32, i32), (x2, y2): (i32, i32)) -> String {
    let (x1, y1, y2) = (x1 + WIDTH, y1 + HEIGHT / 2, y2 + HEIGHT / 2);
    let bend = ((x2 - x1) / 2).max(18);
    format!("M{x1} {y1}C{} {y1} {} {y2} {x2} {y2}", x1 + bend, x2 - bend)
}

fn span(rows: usize) -> i32 {
    count(rows) * ROW - (ROW - HEIGHT)
}

fn count(n: usize) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}

/// The beginning of a name that fits into `width` Latin letters; Chinese ones take two.
fn fit(name: &str, width: usize) -> String {
    let mut used = 0;
    let mut label = String::new();
    for c in name.chars() {
        used += if c.is_ascii() { 1 } else { 2 };
        if used > width {
            label.push('…');
            return label;
        }
        label.push(c);
    }
    label
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_stand_in_columns_by_distance() {
        let up = Upstreams::from([
            (JobId(3), vec![JobId(1), JobId(2)]),
            (JobId(4), vec![JobId(3)]),
            (JobId(5), vec![JobId(4)]),
            (JobId(6), vec![JobId(5)]),
        ]);
        let columns = columns(&up, JobId(3));
        assert_eq!(columns[&-1], [JobId(1), JobId(2)]);
        assert_eq!(columns[&0], [JobId(3)]);
        assert_eq!(columns[&2], [JobId(5)]);
        assert!(!columns.contains_key(&3), "two steps only");
    }

    #[test]
    fn names_are_cut_by_width_not_by_bytes() {
        assert_eq!(fit("dwd_order", 15), "dwd_order");
        assert_eq!(fit("dwd_order_detail_daily", 15), "dwd_order_detai…");
        assert_eq!(fit("订单明细宽表每日", 6), "订单明…");
    }
}
