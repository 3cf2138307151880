use leakspy_ebpf::wire::key::{LiveValue, SiteValue};

use super::*;

#[test]
fn sizes_that_agree_are_taken() {
    let kernel = Layout { key: 8, value: size_of::<LiveValue>() };
    assert!(Layout::of::<u64, LiveValue>().check("LIVE", kernel).is_ok());
}

#[test]
fn a_value_that_grew_in_the_kernel_alone_is_refused() {
    let grown = Layout { key: 8, value: size_of::<SiteValue>() + 8 };
    let error = Layout::of::<u64, SiteValue>().check("SITES", grown).unwrap_err();
    let said = error.to_string();
    assert!(said.contains("SITES") && said.contains(&grown.value.to_string()), "{said}");
}

#[test]
fn a_key_of_another_size_is_refused() {
    let kernel = Layout { key: 4, value: size_of::<LiveValue>() };
    assert!(Layout::of::<u64, LiveValue>().check("LIVE", kernel).is_err());
}
