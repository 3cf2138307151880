//! Of what one site allocated, how much still lives, by the time of its birth.

use super::axis;
use super::chart::{Chart, ChartPlan, LegendEntry, Swatch};
use super::growth::histories;
use super::palette::{GREY, INK, ORANGE};
use super::scene::{Scene, Stroke};
use super::series;
use super::{Error, PictureOptions, collections_key, marks_on_axis};
use crate::model::{Cohort, Document, Finding, Site, SiteHistory, visible};

/// More periods than this are not retained of any site; what is beyond is not looked at.
const MOST_COHORTS: usize = 4_096;

const THRESHOLD: Stroke = Stroke::dashed(INK, 1.5, 6.0, 4.0);
const RATE: Stroke = Stroke::solid(GREY, 1.5);

/// What is drawn: a site, or all sites of a finding.
struct Subject<'a> {
    site: &'a Site,
    histories: Vec<&'a SiteHistory>,
    /// Blocks older than this count as retained, seconds.
    age: Option<f64>,
}

/// What was born between two times: bytes, and those that still live.
struct Bar {
    from: f64,
    to: f64,
    allocated: f64,
    live: f64,
}

impl Bar {
    /// Bytes allocated per second.
    fn rate(&self) -> f64 {
        self.allocated / (self.to - self.from)
    }
}

/// Draws it.
pub fn scene(document: &Document, options: &PictureOptions) -> Result<Scene, Error> {
    let subject_of = choose(document, options)?;
    let bars = subject_of.as_ref().map_or_else(Vec::new, |subject| bars(&subject.histories));
    let ends = bars.iter().flat_map(|bar| [bar.from, bar.to]);
    let (from, to) = series::range(document.capture.seconds, ends);
    let fastest = bars.iter().map(Bar::rate).fold(0.0, f64::max);
    let old = subject_of.as_ref().and_then(|subject| subject.age);
    let old = old.filter(|age| age.is_finite() && *age > 0.0 && to - *age > from);
    let name = subject_of.as_ref().map(|subject| (options.name)(subject.site));
    let name = name.map_or_else(|| "Survival".to_owned(), |name| format!("Survivors of {name}"));
    let mut chart = Chart::new(ChartPlan {
        time: (from, to),
        right: Some(axis::bytes(fastest, 4, "/s")),
        keys: keys(document, old),
        ..ChartPlan::for_document(document, options, &name, axis::percent())
    });
    if bars.is_empty() {
        chart.say(match subject_of {
            None => "Nothing was allocated.",
            Some(_) => "The recording does not say when the blocks of this stack were born.",
        });
        return Ok(chart.finish());
    }
    draw(&mut chart, &bars);
    if let Some(age) = old {
        let x = chart.x(to - age);
        chart.scene.line(vec![(x, chart.area.top), (x, chart.area.bottom)], THRESHOLD);
    }
    marks_on_axis(&mut chart, &document.history.collections);
    Ok(chart.finish())
}

fn choose<'a>(
    document: &'a Document,
    options: &PictureOptions,
) -> Result<Option<Subject<'a>>, Error> {
    let of_finding = |finding: &'a Finding| Subject {
        site: &finding.site,
        histories: histories(document, finding),
        age: Some(finding.evidence.age_seconds),
    };
    let of_site = |(at, site): (usize, &'a Site)| {
        let histories: Vec<_> = document.history.sites.get(at).into_iter().collect();
        let age = histories.iter().find_map(|history| Some(history.retained.last()?.age));
        Subject { site, histories, age }
    };
    let mut sites = document.sites.iter().enumerate();
    let Some(id) = &options.site else {
        let first = document.findings.first().map(of_finding);
        return Ok(first.or_else(|| sites.next().map(of_site)));
    };
    let mut findings = document.findings.iter();
    let found = findings.find(|finding| finding.site.id == *id).map(of_finding);
    found
        .or_else(|| sites.find(|(_, site)| site.id == *id).map(of_site))
        .map(Some)
        .ok_or_else(|| Error::UnknownSite(visible::text(id).into_owned()))
}

/// The cohorts of all sites together. Where those of two sites begin and end at different times,
/// each is taken to be even over its time.
fn bars(histories: &[&SiteHistory]) -> Vec<Bar> {
    let sound = |cohort: &&Cohort| {
        series::is_time(cohort.from) && series::is_time(cohort.to) && cohort.to > cohort.from
    };
    let cohorts: Vec<&Cohort> = histories
        .iter()
        .flat_map(|history| &history.cohorts)
        .filter(sound)
        .take(MOST_COHORTS)
        .collect();
    let mut edges: Vec<f64> = cohorts.iter().flat_map(|c| [c.from, c.to]).collect();
    edges.sort_by(f64::total_cmp);
    edges.dedup();
    let mut bars: Vec<Bar> = edges
        .windows(2)
        .map(|pair| Bar { from: pair[0], to: pair[1], allocated: 0.0, live: 0.0 })
        .collect();
    for cohort in cohorts {
        let first = edges.partition_point(|edge| *edge < cohort.from);
        for bar in bars.iter_mut().skip(first).take_while(|bar| bar.from < cohort.to) {
            let share = (bar.to - bar.from) / (cohort.to - cohort.from);
            bar.allocated += cohort.allocated.bytes as f64 * share;
            bar.live += cohort.live.bytes as f64 * share;
        }
    }
    bars.retain(|bar| bar.allocated > 0.0);
    bars
}

fn draw(chart: &mut Chart, bars: &[Bar]) {
    let bottom = chart.area.bottom;
    for bar in bars {
        let (left, right) = (chart.x(bar.from), chart.x(bar.to));
        // A gap between bars that are wide enough to have one.
        let gap = if right - left > 4.0 { 0.5 } else { 0.0 };
        let top = chart.y((bar.live / bar.allocated * 100.0).min(100.0));
        let (from, to) = ((left + gap, top), ((right - gap).max(left + gap + 1.0), bottom));
        chart.scene.rectangle(from, to, ORANGE);
    }
    for bar in bars {
        let y = chart.right_y(bar.rate());
        let (left, right) = (chart.x(bar.from), chart.x(bar.to));
        chart.scene.line(vec![(left, y), (right.max(left + 1.0), y)], RATE);
    }
}

fn keys(document: &Document, age: Option<f64>) -> Vec<LegendEntry> {
    let mut keys = vec![
        LegendEntry {
            swatch: Swatch::Area(ORANGE),
            words: "still alive, of the bytes allocated at that time (left)".to_owned(),
        },
        LegendEntry {
            swatch: Swatch::Line(RATE),
            words: "bytes allocated per second (right)".to_owned(),
        },
    ];
    if let Some(age) = age {
        let words = format!("older than {} to the left: counts as retained", axis::elapsed(age));
        keys.push(LegendEntry { swatch: Swatch::Line(THRESHOLD), words });
    }
    keys.extend(collections_key(&document.history.collections));
    keys
}
