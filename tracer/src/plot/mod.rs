//! Pictures of a recording over time, as SVG or PNG. Pure: draws into the buffer it is given.
