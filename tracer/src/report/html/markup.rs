//! Puts a page together. What comes from outside gets in only through functions that escape it.

use crate::report::escape;

/// A page under way.
#[derive(Debug, Default)]
pub struct HtmlPage {
    html: String,
}

impl HtmlPage {
    /// Markup of ours, as it is. Only for constants, which is why it takes no other text.
    pub fn raw(&mut self, markup: &'static str) {
        self.html.push_str(markup);
    }

    /// An SVG made by one of our own modules, which escapes names itself.
    pub fn picture(&mut self, svg: &str) {
        self.html.push_str(svg);
        self.html.push('\n');
    }

    /// Any text.
    pub fn words(&mut self, text: &str) {
        self.html.push_str(&escape::xml(text));
    }

    /// Begins an element, of a class unless that is empty.
    pub fn open(&mut self, tag: &'static str, class: &'static str) {
        self.begin(tag, class);
        self.html.push('\n');
    }

    /// Ends an element.
    pub fn close(&mut self, tag: &'static str) {
        self.html.push_str("</");
        self.html.push_str(tag);
        self.html.push_str(">\n");
    }

    /// An element with nothing but text.
    pub fn element(&mut self, tag: &'static str, text: &str) {
        self.classed(tag, "", text);
    }

    /// An element of a class with nothing but text.
    pub fn classed(&mut self, tag: &'static str, class: &'static str, text: &str) {
        self.begin(tag, class);
        self.words(text);
        self.close(tag);
    }

    /// A table of two columns: what, and how it is.
    pub fn facts(&mut self, facts: &[(&'static str, String)]) {
        self.open("table", "facts");
        for (what, how) in facts {
            self.raw("<tr><th scope=\"row\">");
            self.words(what);
            self.raw("</th><td>");
            self.words(how);
            self.raw("</td></tr>\n");
        }
        self.close("table");
    }

    /// A table with a heading for each column.
    pub fn grid<const N: usize>(
        &mut self,
        headings: &[&'static str; N],
        rows: impl Iterator<Item = [String; N]>,
    ) {
        self.open("table", "grid");
        self.raw("<tr>");
        for heading in headings {
            self.raw("<th scope=\"col\">");
            self.words(heading);
            self.raw("</th>");
        }
        self.raw("</tr>\n");
        for row in rows {
            self.raw("<tr>");
            for cell in &row {
                self.raw("<td>");
                self.words(cell);
                self.raw("</td>");
            }
            self.raw("</tr>\n");
        }
        self.close("table");
    }

    /// A page of its own inside the page, where no style or script of it can get out.
    pub fn frame(&mut self, title: &'static str, height: u32, page: &str) {
        self.raw("<iframe sandbox=\"\" title=\"");
        self.words(title);
        self.html.push_str(&format!("\" height=\"{height}\" srcdoc=\""));
        // An attribute may hold line breaks, which `escape` would make visible.
        for c in page.chars() {
            match c {
                '&' => self.raw("&amp;"),
                '"' => self.raw("&quot;"),
                '<' => self.raw("&lt;"),
                '>' => self.raw("&gt;"),
                c => self.html.push(c),
            }
        }
        self.raw("\"></iframe>\n");
    }

    /// What it has come to.
    pub fn text(&self) -> &str {
        &self.html
    }

    fn begin(&mut self, tag: &'static str, class: &'static str) {
        self.html.push('<');
        self.html.push_str(tag);
        if !class.is_empty() {
            self.html.push_str(" class=\"");
            self.html.push_str(class);
            self.html.push('"');
        }
        self.html.push('>');
    }
}
