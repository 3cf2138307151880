//! What tells old objects of a type from new ones: the values of their fields.

/// A value of a field that most old objects of a type have, and fewer new ones. Old are those that were there at
/// two snapshots or more, new those that came since the snapshot before.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FieldContrast {
    /// The type: data from outside, as are the others.
    pub class: String,
    /// The field, `_closed`.
    pub field: String,
    /// The value in words: `True`, `None`, `-1`, `empty`, `not set`.
    pub value: String,
    /// Old objects that have it, and all, in a sample of the last snapshot.
    pub old: [u64; 2],
    /// New objects likewise.
    pub young: [u64; 2],
    /// Values of fields of this type that were compared.
    pub compared: u64,
    /// Snapshots in a row that showed it.
    pub snapshots: u64,
    /// Seconds from the first of these to the last.
    pub seconds: f64,
}
