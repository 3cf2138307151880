//! The tables of a recording. `docs/recording.md` explains them to people who write SQL.
//!
//! Any change to these statements is a new [`SCHEMA_VERSION`]: a reader demands that the tables are
//! exactly these.

use rusqlite::Connection;

/// `LKSP`: marks the file as a recording, in its header (offset 68, big-endian).
pub const APPLICATION_ID: u32 = 0x4c4b_5350;

/// Version of the tables, in the file's header (`user_version`, offset 60, big-endian).
pub const SCHEMA_VERSION: u32 = 5;

/// The oldest version that is read. It has no [`CONTAINERS`].
pub const OLDEST_VERSION: u32 = 3;

/// The first version with [`CONTAINERS`].
const WITH_CONTAINERS: u32 = 4;

/// The first version with the tables of [`SINCE_5`].
const VERSION_5: u32 = 5;

/// A table: its name and the statement that makes it, byte for byte as SQLite keeps it.
pub const TABLES: [(&str, &str); 12] = [
    ("target", TARGET),
    ("capture", CAPTURE),
    ("note", NOTE),
    ("tick", TICK),
    ("counter", COUNTER),
    ("frame", FRAME),
    ("stack_frame", STACK_FRAME),
    ("site", SITE),
    ("site_note", SITE_NOTE),
    ("mark", MARK),
    ("collection", COLLECTION),
    ("unreferenced", UNREFERENCED),
];

/// The history of sites: tables like the others, in a constant of their own because their rows are
/// many and a report on the present does not read them.
pub const HISTORY: [(&str, &str); 4] = [
    ("site_history", SITE_HISTORY),
    ("aged", RETAINED),
    ("cohort", COHORT),
    ("lifetime", LIFETIME),
];

/// What is known of Python objects.
pub const OBJECTS: [(&str, &str); 7] = [
    ("census", CENSUS),
    ("object_type", OBJECT_TYPE),
    ("type_history", TYPE_HISTORY),
    ("type_holder", TYPE_RETAINER),
    ("owned", OWNED),
    ("owner", OWNER),
    ("owner_holder", OWNER_RETAINER),
];

/// Containers of Python objects that grew.
pub const CONTAINERS: [(&str, &str); 5] = [
    ("container", CONTAINER),
    ("container_path", CONTAINER_PATH),
    ("container_length", CONTAINER_LENGTH),
    ("container_item", CONTAINER_ITEM),
    ("container_site", CONTAINER_SITE),
];

/// What version 5 added.
pub const SINCE_5: [(&str, &str); 5] = [
    ("container_room", CONTAINER_ROOM),
    ("retained_size", RETAINED_SIZE),
    ("retained_path", RETAINED_PATH),
    ("field_contrast", FIELD_CONTRAST),
    ("lost_object", LOST_OBJECT),
];

/// What some recordings of version 5 have: readers that do not know them do without, and so does this one where they are
/// missing.
pub const OPTIONAL: [(&str, &str); 1] = [("container_below", CONTAINER_BELOW)];

/// What version 5 added that every report reads.
pub const READINGS: [(&str, &str); 1] = [("malloc", MALLOC)];

/// The version of the tables.
pub fn user_version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// The statement that made a table; `None` where there is no such table.
pub fn statement_of(connection: &Connection, table: &str) -> rusqlite::Result<Option<String>> {
    let mut query = connection
        .prepare("SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?1 LIMIT 1")?;
    let mut rows = query.query([table])?;
    rows.next()?.map(|row| row.get(0)).transpose()
}

/// All tables of a version that is read.
pub fn tables_of(version: u32) -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    present_of(version).chain(history_of(version))
}

/// Those of them that every report reads.
pub fn present_of(version: u32) -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    let readings = if has_version_5(version) { &READINGS[..] } else { &[] };
    TABLES.iter().chain(readings)
}

/// Those of them that a report on the present does not read.
pub fn history_of(version: u32) -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    let containers = if has_containers(version) { &CONTAINERS[..] } else { &[] };
    let since_5 = if has_version_5(version) { &SINCE_5[..] } else { &[] };
    HISTORY.iter().chain(&OBJECTS).chain(containers).chain(since_5)
}

/// Whether a version has [`CONTAINERS`].
pub fn has_containers(version: u32) -> bool {
    version >= WITH_CONTAINERS
}

/// Whether a version has the tables of [`SINCE_5`].
pub fn has_version_5(version: u32) -> bool {
    version >= VERSION_5
}

/// All tables.
pub fn tables() -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    tables_of(SCHEMA_VERSION).chain(&OPTIONAL)
}

const TARGET: &str = "CREATE TABLE target (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    pid INTEGER NOT NULL,
    comm TEXT NOT NULL,
    exe TEXT NOT NULL,
    started INTEGER NOT NULL,
    python_version TEXT,
    python_layout_source TEXT,
    limit_bytes INTEGER
) STRICT";

const CAPTURE: &str = "CREATE TABLE capture (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    tool_name TEXT NOT NULL,
    tool_version TEXT NOT NULL,
    started REAL NOT NULL,
    mode TEXT NOT NULL,
    budget REAL,
    cost_ratio REAL,
    seconds REAL
) STRICT";

const NOTE: &str = "CREATE TABLE note (
    id INTEGER PRIMARY KEY,
    text TEXT NOT NULL
) STRICT";

const TICK: &str = "CREATE TABLE tick (
    id INTEGER PRIMARY KEY,
    t REAL NOT NULL,
    live_bytes INTEGER NOT NULL,
    rss_bytes INTEGER,
    rss_anon_bytes INTEGER,
    rss_file_bytes INTEGER,
    rss_shmem_bytes INTEGER,
    swap_bytes INTEGER,
    cgroup_bytes INTEGER,
    cgroup_limit_bytes INTEGER,
    heap_bytes INTEGER,
    arena_bytes INTEGER,
    sites INTEGER,
    blocks INTEGER
) STRICT";

const COUNTER: &str = "CREATE TABLE counter (
    name TEXT PRIMARY KEY,
    class TEXT NOT NULL,
    sentence TEXT NOT NULL,
    count INTEGER NOT NULL
) STRICT, WITHOUT ROWID";

const FRAME: &str = "CREATE TABLE frame (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    function TEXT,
    file TEXT,
    line INTEGER,
    module TEXT,
    module_offset INTEGER,
    inlined INTEGER NOT NULL,
    machinery INTEGER NOT NULL
) STRICT";

const STACK_FRAME: &str = "CREATE TABLE stack_frame (
    stack INTEGER NOT NULL,
    position INTEGER NOT NULL,
    frame INTEGER NOT NULL REFERENCES frame (id),
    PRIMARY KEY (stack, position)
) STRICT, WITHOUT ROWID";

const SITE: &str = "CREATE TABLE site (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    domain TEXT NOT NULL,
    size_class INTEGER NOT NULL,
    allocator TEXT NOT NULL,
    stack INTEGER,
    allocated_bytes INTEGER NOT NULL DEFAULT 0,
    allocated_count INTEGER NOT NULL DEFAULT 0,
    freed_bytes INTEGER NOT NULL DEFAULT 0,
    freed_count INTEGER NOT NULL DEFAULT 0
) STRICT";

const SITE_NOTE: &str = "CREATE TABLE site_note (
    site INTEGER NOT NULL REFERENCES site (id),
    text TEXT NOT NULL
) STRICT";

// By tick first: what one tick writes lies together, and forgetting a tick removes whole pages.
const SITE_HISTORY: &str = "CREATE TABLE site_history (
    tick INTEGER NOT NULL REFERENCES tick (id),
    site INTEGER NOT NULL REFERENCES site (id),
    allocated_bytes INTEGER NOT NULL,
    allocated_count INTEGER NOT NULL,
    freed_bytes INTEGER NOT NULL,
    freed_count INTEGER NOT NULL,
    PRIMARY KEY (tick, site)
) STRICT, WITHOUT ROWID";

// The same order for the same reason.
const RETAINED: &str = "CREATE TABLE aged (
    tick INTEGER NOT NULL REFERENCES tick (id),
    site INTEGER NOT NULL REFERENCES site (id),
    age REAL NOT NULL,
    bytes INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (tick, site)
) STRICT, WITHOUT ROWID";

const COHORT: &str = "CREATE TABLE cohort (
    site INTEGER NOT NULL REFERENCES site (id),
    born_from REAL NOT NULL,
    born_to REAL NOT NULL,
    allocated_bytes INTEGER NOT NULL,
    allocated_count INTEGER NOT NULL,
    live_bytes INTEGER NOT NULL,
    live_count INTEGER NOT NULL,
    PRIMARY KEY (site, born_from)
) STRICT, WITHOUT ROWID";

const LIFETIME: &str = "CREATE TABLE lifetime (
    site INTEGER NOT NULL REFERENCES site (id),
    up_to REAL NOT NULL,
    freed_bytes INTEGER NOT NULL,
    freed_count INTEGER NOT NULL,
    PRIMARY KEY (site, up_to)
) STRICT, WITHOUT ROWID";

const LOST_OBJECT: &str = "CREATE TABLE lost_object (
    id INTEGER PRIMARY KEY,
    t REAL NOT NULL,
    age REAL NOT NULL,
    type TEXT,
    block INTEGER NOT NULL,
    old_count INTEGER NOT NULL,
    old_bytes INTEGER NOT NULL,
    young_count INTEGER NOT NULL,
    young_bytes INTEGER NOT NULL,
    within_count INTEGER NOT NULL,
    within_bytes INTEGER NOT NULL
) STRICT";

const MARK: &str = "CREATE TABLE mark (
    id INTEGER PRIMARY KEY,
    t REAL NOT NULL,
    name TEXT NOT NULL
) STRICT";

const COLLECTION: &str = "CREATE TABLE collection (
    id INTEGER PRIMARY KEY,
    t REAL NOT NULL,
    count INTEGER NOT NULL
) STRICT";

const UNREFERENCED: &str = "CREATE TABLE unreferenced (
    site INTEGER PRIMARY KEY REFERENCES site (id),
    t REAL NOT NULL,
    looked_for INTEGER NOT NULL,
    lost INTEGER NOT NULL
) STRICT";

const CENSUS: &str = "CREATE TABLE census (
    id INTEGER PRIMARY KEY,
    t REAL NOT NULL,
    collections INTEGER
) STRICT";

const OBJECT_TYPE: &str = "CREATE TABLE object_type (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL
) STRICT";

const TYPE_HISTORY: &str = "CREATE TABLE type_history (
    type INTEGER NOT NULL REFERENCES object_type (id),
    census INTEGER NOT NULL REFERENCES census (id),
    count INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    aged_count INTEGER NOT NULL,
    born_count INTEGER NOT NULL,
    survivors INTEGER NOT NULL,
    PRIMARY KEY (type, census)
) STRICT, WITHOUT ROWID";

const TYPE_RETAINER: &str = "CREATE TABLE type_holder (
    type INTEGER NOT NULL REFERENCES object_type (id),
    position INTEGER NOT NULL,
    text TEXT NOT NULL,
    class TEXT,
    PRIMARY KEY (type, position)
) STRICT, WITHOUT ROWID";

const OWNED: &str = "CREATE TABLE owned (
    site INTEGER PRIMARY KEY REFERENCES site (id),
    looked_for INTEGER NOT NULL,
    owned INTEGER NOT NULL
) STRICT";

const OWNER: &str = "CREATE TABLE owner (
    site INTEGER NOT NULL REFERENCES site (id),
    position INTEGER NOT NULL,
    type TEXT NOT NULL,
    blocks INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    root TEXT,
    PRIMARY KEY (site, position)
) STRICT, WITHOUT ROWID";

const OWNER_RETAINER: &str = "CREATE TABLE owner_holder (
    site INTEGER NOT NULL REFERENCES site (id),
    owner INTEGER NOT NULL,
    position INTEGER NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (site, owner, position)
) STRICT, WITHOUT ROWID";

const CONTAINER: &str = "CREATE TABLE container (
    id INTEGER PRIMARY KEY,
    type TEXT NOT NULL,
    bound_kind TEXT,
    bound_limit INTEGER
) STRICT";

const CONTAINER_PATH: &str = "CREATE TABLE container_path (
    container INTEGER NOT NULL REFERENCES container (id),
    position INTEGER NOT NULL,
    text TEXT NOT NULL,
    class TEXT,
    PRIMARY KEY (container, position)
) STRICT, WITHOUT ROWID";

const CONTAINER_LENGTH: &str = "CREATE TABLE container_length (
    container INTEGER NOT NULL REFERENCES container (id),
    position INTEGER NOT NULL,
    t REAL NOT NULL,
    items INTEGER NOT NULL,
    PRIMARY KEY (container, position)
) STRICT, WITHOUT ROWID";

const CONTAINER_ITEM: &str = "CREATE TABLE container_item (
    container INTEGER NOT NULL REFERENCES container (id),
    position INTEGER NOT NULL,
    type TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (container, position)
) STRICT, WITHOUT ROWID";

const CONTAINER_SITE: &str = "CREATE TABLE container_site (
    container INTEGER NOT NULL REFERENCES container (id),
    position INTEGER NOT NULL,
    site INTEGER NOT NULL REFERENCES site (id),
    times INTEGER NOT NULL,
    PRIMARY KEY (container, position)
) STRICT, WITHOUT ROWID";

const CONTAINER_ROOM: &str = "CREATE TABLE container_room (
    container INTEGER PRIMARY KEY REFERENCES container (id),
    items INTEGER NOT NULL
) STRICT";

const CONTAINER_BELOW: &str = "CREATE TABLE container_below (
    container INTEGER PRIMARY KEY REFERENCES container (id),
    type TEXT NOT NULL,
    attribute TEXT,
    count INTEGER NOT NULL,
    items INTEGER NOT NULL,
    largest INTEGER NOT NULL,
    bound_kind TEXT,
    bound_limit INTEGER
) STRICT";

const RETAINED_SIZE: &str = "CREATE TABLE retained_size (
    id INTEGER PRIMARY KEY,
    objects INTEGER NOT NULL,
    least_bytes INTEGER NOT NULL,
    most_bytes INTEGER NOT NULL
) STRICT";

const RETAINED_PATH: &str = "CREATE TABLE retained_path (
    retained_size INTEGER NOT NULL REFERENCES retained_size (id),
    position INTEGER NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (retained_size, position)
) STRICT, WITHOUT ROWID";

const MALLOC: &str = "CREATE TABLE malloc (
    id INTEGER PRIMARY KEY,
    t REAL NOT NULL,
    rss_anon_bytes INTEGER NOT NULL,
    arenas INTEGER NOT NULL,
    retaining_arenas INTEGER NOT NULL,
    system_bytes INTEGER NOT NULL,
    used_bytes INTEGER NOT NULL,
    cached_bytes INTEGER NOT NULL,
    hole_bytes INTEGER NOT NULL,
    hole_resident_bytes INTEGER NOT NULL,
    hole_page_bytes INTEGER NOT NULL,
    top_bytes INTEGER NOT NULL,
    top_resident_bytes INTEGER NOT NULL,
    top_page_bytes INTEGER NOT NULL,
    of_threads_bytes INTEGER NOT NULL,
    trimmable_bytes INTEGER NOT NULL,
    unread_bytes INTEGER NOT NULL
) STRICT";

const FIELD_CONTRAST: &str = "CREATE TABLE field_contrast (
    id INTEGER PRIMARY KEY,
    type TEXT NOT NULL,
    field TEXT NOT NULL,
    value TEXT NOT NULL,
    old INTEGER NOT NULL,
    old_all INTEGER NOT NULL,
    young INTEGER NOT NULL,
    young_all INTEGER NOT NULL,
    compared INTEGER NOT NULL,
    snapshots INTEGER NOT NULL,
    seconds REAL NOT NULL
) STRICT";

/// Views for people; the reader never looks at them.
pub const VIEWS: &str = "
CREATE VIEW live AS
    SELECT id AS site, key, domain, size_class, allocator, stack,
        allocated_bytes - freed_bytes AS live_bytes,
        allocated_count - freed_count AS live_count,
        allocated_bytes, allocated_count
    FROM site;
CREATE VIEW stack_line AS
    SELECT stack_frame.stack, stack_frame.position, frame.kind, frame.machinery,
        coalesce(frame.function, frame.module || ' + ' || frame.module_offset, '?')
        || coalesce(' (' || frame.file || coalesce(':' || frame.line, '') || ')',
            ' (' || frame.module || ')', '') AS line
    FROM stack_frame JOIN frame ON frame.id = stack_frame.frame;
";
