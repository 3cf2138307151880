//! Where a file of Python code lies, by its name: in a folder of packages, in Python's own library, or with the
//! application.

/// Whether it is the application's own, as far as a name tells: neither installed as a package, nor Python's, nor
/// made up at run time.
pub fn is_application(file: &str) -> bool {
    // `<frozen importlib._bootstrap>` and numpy's `<__array_function__ internals>`.
    let made_up = file.starts_with("<frozen ") || file.starts_with("<__");
    !made_up && installed(file).is_none() && standard(file).is_none()
}

/// The part of `path` inside a folder of installed packages.
pub fn installed(path: &str) -> Option<&str> {
    ["/site-packages/", "/dist-packages/"]
        .into_iter()
        .filter_map(|folder| path.rsplit_once(folder))
        .map(|(_, inside)| inside)
        .find(|inside| !inside.is_empty())
}

/// The part of `path` inside Python's own library: after `/lib/python3.11/` or
/// `/lib64/python3.11/`.
pub fn standard(path: &str) -> Option<&str> {
    let (before, after) = path.split_once("/python")?;
    let in_library = before.ends_with("/lib") || before.ends_with("/lib64");
    let (version, inside) = after.split_once('/')?;
    let is_version = version.starts_with(|c: char| c.is_ascii_digit());
    (in_library && is_version && !inside.is_empty()).then_some(inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_the_application_are_neither_installed_nor_python_s() {
        assert!(is_application("/srv/app/main.py"));
        assert!(is_application("<string>"));
        assert!(!is_application("/v/lib/python3.11/site-packages/numpy/core/numeric.py"));
        assert!(!is_application("/v/lib/python3/dist-packages/six.py"));
        assert!(!is_application("/usr/lib/python3.11/json/decoder.py"));
        assert!(!is_application("<frozen importlib._bootstrap>"));
        assert!(!is_application("<__array_function__ internals>"));
    }
}
