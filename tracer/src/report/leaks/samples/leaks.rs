//! Leaks, for tests.

use super::{KIB, app};
use crate::model::{
    Advice, Amount, Basis, Confidence, CreatedAt, DeclaredBound, Distinguishing, Finding, GrownBy,
    Interval, Leak, LeakContainer, LeakEvidence, LeakKind, LeakRate, LeakRetainer, Reason,
    RetainedSize, SnapshotsGrown, Verdict,
};

fn minutely(kib: f64) -> Interval {
    let [lo, est, hi] = [0.93, 1.0, 1.06].map(|part| part * 60.0 * kib * KIB);
    Interval { lo, est, hi }
}

/// A leak of which little is known.
pub fn plain(name: &str, confidence: Confidence) -> Leak {
    Leak {
        id: Leak::identify(LeakKind::Blocks, name, []),
        rank: 1,
        verdict: Verdict::Leak,
        confidence,
        kind: LeakKind::Blocks,
        name: name.to_owned(),
        now: Amount { bytes: 42_400, count: 212 },
        rate: LeakRate { bytes_per_hour: minutely(41.0), count_per_hour: 12_600.0 },
        explains: Some(0.28),
        retained_by: None,
        grown_by: Vec::new(),
        created_at: Vec::new(),
        distinguishing: Vec::new(),
        bound: None,
        known_kind: None,
        grounds: vec![Reason::GrowsSoFar { seconds: 480.0 }, Reason::CacheMayBeFilling],
        advice: Advice::FindHolder,
        evidence: LeakEvidence::default(),
    }
}

/// Blocks that a library lost.
pub fn lost(finding: &Finding) -> Leak {
    let lost = Reason::Unreachable { searched: 200, unreachable: 198 };
    Leak {
        created_at: vec![made_at(finding, 1.0, Basis::Exact)],
        grounds: vec![lost, Reason::NoneFreed { allocated: 212 }],
        advice: Advice::BlameExtension,
        evidence: of(&[finding], &[]),
        ..plain("py_headers_to_c", Confidence::Confirmed)
    }
}

/// Objects in a container, of which everything is known.
pub fn objects(finding: &Finding) -> Leak {
    let path = ["module __main__", ".sio: socketio.server.Server", ".eio: engineio.Server"];
    let path = path.into_iter().chain([".sockets: dict (2120 items)"]).map(str::to_owned);
    let grown = |line: u32, share| GrownBy { stack: app("Server.connect", line).into(), share };
    Leak {
        kind: LeakKind::Objects,
        now: Amount { bytes: 4_508_876, count: 2_120 },
        rate: LeakRate { bytes_per_hour: minutely(1_843.2), count_per_hour: 54_000.0 },
        explains: Some(0.67),
        retained_by: Some(LeakRetainer {
            path: path.collect(),
            through: vec!["['a1']: engineio.socket.Socket".into()],
            container: Some(LeakContainer {
                class: "dict".into(),
                length: Some(2_120),
                grew: Some(SnapshotsGrown { times: 12, of: 12 }),
                items_per_hour: Some(54_000.0),
                room: Some(5_461),
                below: None,
            }),
            retained: Some(RetainedSize {
                objects: 10_604,
                least_bytes: 4_412_000,
                most_bytes: 4_508_876,
            }),
        }),
        grown_by: vec![grown(564, 0.9), grown(31, 0.1)],
        created_at: vec![made_at(finding, 1.0, Basis::Sampled)],
        distinguishing: vec![Distinguishing {
            field: ".closed is True".into(),
            old: [1_820, 1_820],
            young: [41, 300],
        }],
        bound: Some(DeclaredBound { kind: "dict".into(), limit: None, used: 2_120 }),
        grounds: vec![Reason::GrewAtEverySnapshot, Reason::ReachedFromRoot],
        advice: Advice::RemoveFromContainer,
        evidence: of(&[finding], &["engineio.socket.Socket", "dict"]),
        ..plain("engineio.socket.Socket", Confidence::Likely)
    }
}

/// Small objects whose types nobody knows.
pub fn arenas(finding: &Finding) -> Leak {
    Leak {
        kind: LeakKind::Objects,
        now: Amount { bytes: 12 << 20, count: 12 },
        created_at: vec![made_at(finding, 0.75, Basis::Arena)],
        advice: Advice::CountTypes,
        evidence: of(&[finding], &[]),
        ..plain("small objects", Confidence::Suspect)
    }
}

/// What may be a leak.
pub fn undecided(finding: &Finding) -> Leak {
    Leak {
        verdict: Verdict::Undetermined,
        created_at: vec![made_at(finding, 1.0, Basis::Exact)],
        advice: Advice::WatchLonger,
        evidence: of(&[finding], &[]),
        ..plain("collect", Confidence::Suspect)
    }
}

/// Names as an enemy would choose them, and numbers that are none.
pub fn hostile(finding: &Finding) -> Leak {
    let odd = Interval { lo: f64::NAN, est: f64::INFINITY, hi: f64::NEG_INFINITY };
    let name = "\u{1b}[2J\u{202e}`; none was freed.\n";
    let leak = objects(finding);
    Leak {
        id: "\u{7}deadbee".into(),
        name: name.repeat(40),
        now: Amount { bytes: u64::MAX, count: u64::MAX },
        rate: LeakRate { bytes_per_hour: odd, count_per_hour: f64::NAN },
        explains: Some(f64::NAN),
        retained_by: leak.retained_by.map(|by| LeakRetainer {
            path: [by.path, vec![name.into(), "['\u{9b}31m".into(), "c".repeat(300)]].concat(),
            ..by
        }),
        distinguishing: vec![Distinguishing { field: name.into(), old: [3, 0], young: [0, 0] }],
        bound: Some(DeclaredBound { kind: name.into(), limit: Some(0), used: u64::MAX }),
        ..objects(finding)
    }
}

fn made_at(finding: &Finding, share: f64, basis: Basis) -> CreatedAt {
    CreatedAt { stack: finding.site.stack.clone(), share, basis }
}

fn of(findings: &[&Finding], types: &[&str]) -> LeakEvidence {
    LeakEvidence {
        findings: findings.iter().map(|finding| finding.site.id.clone()).collect(),
        types: types.iter().map(|name| (*name).to_owned()).collect(),
    }
}
