//! What to call a site where there is room for a few words only.

use super::{blame, label, origin};
use crate::model::{Frame, Site};

/// `function (file:line)` of the frame to look at first; raw.
pub fn callsite(site: &Site) -> String {
    let frames: Vec<&Frame> = site.stack.iter().filter(|frame| !frame.is_runtime).collect();
    let Some(blame) = blame::of(&frames) else {
        return "(no stack)".to_owned();
    };
    let name = label::name(blame.frame);
    match label::source(blame.frame) {
        Some(source) => format!("{name} ({})", origin::base_name(&source)),
        None => match &blame.frame.module {
            Some(module) => format!("{name} ({})", origin::base_name(module)),
            None => name.into_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::CallStack;
    use crate::report::samples;

    #[test]
    fn a_site_is_called_by_the_applications_line() {
        let mut site = samples::one_site().sites.remove(0);
        assert_eq!(callsite(&site), "keep (main.py:12)");
        site.stack = vec![samples::native("f", "/opt/libx.so", false)].into();
        assert_eq!(callsite(&site), "f (libx.so)");
        site.stack = CallStack::default();
        assert_eq!(callsite(&site), "(no stack)");
    }
}
