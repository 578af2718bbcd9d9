//! A page of `docs/reference/`: its sections, their tables, and the examples in their order.
//!
//! A section begins with `##`. One whose heading is a method and a path in code style is a call.
//! The first cell of a table's head says what the table is: `request` (what a call is sent),
//! `answer` (what it answers) or `field` (a shape that others refer to). A link in a field's type,
//! or in the paragraph that begins with `Body:` or `Answer:`, leads to a section whose fields
//! belong here as well. An example is a block of `http` with a request, and a second one with its
//! answer.

use std::collections::BTreeSet;
use std::fs;
use std::ops::Range;
use std::path::PathBuf;

use anyhow::Context as _;

use crate::repository;

/// How deep the fields of fields are followed.
const DEEPEST: u32 = 5;

/// All pages, in the order of their names.
pub struct Pages(pub Vec<Page>);

/// One page.
pub struct Page {
    /// Where it is.
    pub path: PathBuf,
    /// The file's name.
    pub name: String,
    /// All of it.
    pub text: String,
    /// In their order.
    pub sections: Vec<Section>,
    /// In their order.
    pub examples: Vec<Example>,
}

/// A call, or a shape that calls share.
#[derive(Default)]
pub struct Section {
    /// The page's file and the heading's anchor, as a link has them.
    pub address: String,
    /// Method and path; nothing where it is no call.
    pub call: Option<(String, String)>,
    /// The first sentence.
    pub does: String,
    /// The paragraphs that say more, in Markdown.
    pub text: Vec<String>,
    /// The names of the roles that may make the call.
    pub roles: Vec<String>,
    /// The commands that CREDIT.md has the rules of.
    pub commands: Vec<String>,
    /// The codes of its refusals.
    pub refusals: Vec<String>,
    /// The section that it shares its refusals with.
    pub refused_like: Option<String>,
    /// The paragraph about its answer, in Markdown.
    pub answer: String,
    /// The fields that it is sent.
    pub asks: Vec<Field>,
    answers: Vec<Field>,
}

/// A row of a table.
#[derive(Clone, Default)]
pub struct Field {
    /// `lines[].quantity`.
    pub name: String,
    /// `path`, `query`, `header` or `body`; nothing where it is answered.
    pub place: String,
    /// What its type is called.
    pub kind: String,
    /// `required`, or `optional` and what it is otherwise.
    pub need: String,
    /// What is in the last column, in Markdown.
    pub meaning: String,
    is_list: bool,
    /// A section whose fields are its fields.
    link: Option<String>,
}

/// A request, and the answer that the page shows.
pub struct Example {
    /// Where its section stands among the page's; nothing before the first one.
    pub section: Option<usize>,
    /// What is sent.
    pub request: Block,
    /// What comes.
    pub answer: Option<Block>,
}

/// What stands in a block, and at which lines, counted from 0.
pub struct Block {
    /// Without those that open and close it.
    pub lines: Range<usize>,
    /// With its line ends.
    pub text: String,
}

/// What a call is sent, or what it answers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// What it is sent.
    Asks,
    /// What it answers.
    Answers,
}

impl Pages {
    /// Reads them.
    pub fn read() -> anyhow::Result<Self> {
        let entries = fs::read_dir(repository("docs/reference"))?;
        let paths = entries.map(|entry| Ok(entry?.path()));
        let mut paths = paths.collect::<anyhow::Result<Vec<PathBuf>>>()?;
        paths.sort();
        Ok(Self(paths.into_iter().map(Page::read).collect::<anyhow::Result<_>>()?))
    }

    /// The sections of calls, in the order of the pages.
    pub fn calls(&self) -> impl Iterator<Item = &Section> {
        self.0.iter().flat_map(|page| &page.sections).filter(|section| section.call.is_some())
    }

    /// The section with this address.
    ///
    /// # Panics
    ///
    /// If there is none: a link of a page is wrong.
    pub fn section(&self, address: &str) -> &Section {
        let mut all = self.0.iter().flat_map(|page| &page.sections);
        all.find(|section| section.address == address)
            .unwrap_or_else(|| panic!("docs/reference/{address} is no section"))
    }

    /// The names of all fields, those of fields included: `lines`, `lines[].quantity`.
    pub fn names(&self, section: &Section, side: Side) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        self.add_names(section, side, "", DEEPEST, &mut names);
        names
    }

    fn add_names(
        &self,
        section: &Section,
        side: Side,
        before: &str,
        depth: u32,
        names: &mut BTreeSet<String>,
    ) {
        let fields = if side == Side::Asks { &section.asks } else { &section.answers };
        for field in fields.iter().filter(|field| field.place.is_empty() || field.place == "body") {
            let name = format!("{before}{}", field.name);
            if let (Some(link), true) = (&field.link, depth > 0) {
                let within = match (field.name.is_empty(), field.is_list) {
                    // A field without a name stands for those that its link leads to.
                    (true, _) => before.to_owned(),
                    (false, true) => format!("{name}[]."),
                    (false, false) => format!("{name}."),
                };
                let shape = self.section(link);
                let side = if shape.call.is_none() { Side::Answers } else { side };
                self.add_names(shape, side, &within, depth - 1, names);
            }
            if !field.name.is_empty() {
                names.insert(name);
            }
        }
    }
}

impl Section {
    /// Method and path, or the address where it is no call.
    pub fn name(&self) -> String {
        self.call
            .as_ref()
            .map_or_else(|| self.address.clone(), |(method, path)| format!("{method} {path}"))
    }

    /// What can be sent in the path, the query or the headers.
    pub fn sent_in(&self, place: &str) -> BTreeSet<&str> {
        let fields = self.asks.iter().filter(|field| field.place == place);
        fields.map(|field| field.name.as_str()).collect()
    }

    fn paragraph(&mut self, text: &str, page: &str) {
        if let Some(roles) = text.strip_prefix("Roles: ") {
            let (roles, rest) = roles.split_once('.').unwrap_or((roles, ""));
            let commands = rest.split('`').skip(1).step_by(2);
            self.commands = commands.map(ToOwned::to_owned).collect();
            self.roles = roles.split(", ").map(ToOwned::to_owned).collect();
        } else if text.starts_with("Refusals: ") {
            let codes = text.split('`').skip(1).step_by(2);
            self.refusals.extend(codes.map(ToOwned::to_owned));
        } else if text == "Its refusals are the same, too." {
            self.refused_like = self.answers.first().and_then(|field| field.link.clone());
        } else if text.starts_with("Body: ") || text.starts_with("Answer: ") {
            let is_body = text.starts_with("Body: ");
            if let Some(answer) = text.strip_prefix("Answer: ") {
                answer.clone_into(&mut self.answer);
            }
            let fields = if is_body { &mut self.asks } else { &mut self.answers };
            let place = if is_body { "body".to_owned() } else { String::new() };
            fields.extend(links(text, page).map(|link| Field {
                place: place.clone(),
                link: Some(link),
                ..Field::default()
            }));
        } else if self.does.is_empty() {
            let end = text.find(". ").map_or(text.len(), |dot| dot + 1);
            self.does = text[..end].to_owned();
            self.text.extend(Some(text[end..].trim().to_owned()).filter(|rest| !rest.is_empty()));
        } else {
            self.text.push(text.to_owned());
        }
    }

    fn row(&mut self, kind: &str, cells: &[&str], page: &str) {
        if kind.is_empty() {
            return;
        }
        let (place, type_at) = if kind == "request" { (cells[1], 2) } else { ("", 1) };
        let kind_of = cells[type_at];
        let cell = |at: usize| cells.get(at).copied().unwrap_or_default().to_owned();
        let mut names: Vec<&str> = cells[0].split('`').skip(1).step_by(2).collect();
        if names.is_empty() {
            // Only its link counts.
            names.push("");
        }
        for name in names {
            let field = Field {
                name: name.to_owned(),
                place: place.to_owned(),
                kind: kind_of.to_owned(),
                need: cell(type_at + 1),
                meaning: cell(type_at + 2),
                is_list: kind_of.starts_with("list"),
                link: links(kind_of, page).next(),
            };
            if kind == "request" { self.asks.push(field) } else { self.answers.push(field) }
        }
    }
}

impl Example {
    /// Its method, path and query.
    pub fn asked(&self) -> (&str, &str, &str) {
        let line = self.request.text.lines().next().unwrap_or_default();
        let (method, target) =
            line.split_once(' ').unwrap_or_else(|| panic!("{line} is no method and path"));
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        (method, path, query)
    }

    /// Whether it makes the call of a section.
    pub fn calls(&self, section: &Section) -> bool {
        let (method, path, _) = self.asked();
        section.call.as_ref().is_some_and(|(own, route)| own == method && is_of(route, path))
    }
}

impl Page {
    fn read(path: PathBuf) -> anyhow::Result<Self> {
        let name = path.file_name().context("a page has a name")?.to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).with_context(|| name.clone())?;
        let (mut sections, mut examples): (Vec<Section>, Vec<Example>) = (vec![], vec![]);
        let (mut block, mut table, mut paragraph): (Option<Block>, String, String) =
            (None, String::new(), String::new());
        for (index, line) in text.lines().chain([""]).enumerate() {
            if let Some(open) = &mut block {
                if line == "```" {
                    open.lines.end = index;
                    let section = sections.len().checked_sub(1);
                    if let Some(block) = block.take() {
                        put_block(block, section, &mut examples).with_context(|| name.clone())?;
                    }
                } else {
                    open.text.push_str(line);
                    open.text.push('\n');
                }
            } else if line == "```http" {
                block = Some(Block { lines: index + 1..index + 1, text: String::new() });
            } else if let Some(title) = line.strip_prefix("## ") {
                sections.push(Section {
                    address: format!("{name}#{}", anchor(title)),
                    call: call(title),
                    ..Section::default()
                });
            } else if let (Some(row), Some(section)) = (line.strip_prefix('|'), sections.last_mut())
            {
                let cells: Vec<&str> = row.split('|').map(str::trim).collect();
                if ["request", "answer", "field"].contains(&cells[0]) {
                    cells[0].clone_into(&mut table);
                } else if !cells[0].starts_with('-') {
                    section.row(&table, &cells, &name);
                }
            } else if line.is_empty() {
                if let (Some(section), false) = (sections.last_mut(), paragraph.is_empty()) {
                    section.paragraph(&paragraph, &name);
                }
                paragraph.clear();
                table.clear();
            } else {
                let space = if paragraph.is_empty() { "" } else { " " };
                paragraph = format!("{paragraph}{space}{line}");
            }
        }
        Ok(Self { path, name, text, sections, examples })
    }
}

/// A request is a new example; an answer belongs to the last one.
fn put_block(
    block: Block,
    section: Option<usize>,
    examples: &mut Vec<Example>,
) -> anyhow::Result<()> {
    if block.text.starts_with("HTTP/1.1 ") {
        let last = examples.last_mut().context("an answer stands behind its request")?;
        last.answer = Some(block);
    } else {
        examples.push(Example { section, request: block, answer: None });
    }
    Ok(())
}

/// Whether a path is one of a route's.
fn is_of(route: &str, path: &str) -> bool {
    let (route, path): (Vec<&str>, Vec<&str>) =
        (route.split('/').collect(), path.split('/').collect());
    route.len() == path.len()
        && route.iter().zip(&path).all(|(part, own)| part.starts_with('{') || part == own)
}

fn call(title: &str) -> Option<(String, String)> {
    let (method, path) = title.strip_prefix('`')?.strip_suffix('`')?.split_once(' ')?;
    Some((method.to_owned(), path.to_owned()))
}

/// The anchor that a heading has on GitHub.
fn anchor(title: &str) -> String {
    let title = title.to_lowercase().replace(' ', "-");
    title.chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c)).collect()
}

/// The sections of `docs/reference/` that a text links to, each as its page and anchor.
fn links(text: &str, page: &str) -> impl Iterator<Item = String> {
    text.split("](").skip(1).filter_map(move |rest| {
        let (target, _) = rest.split_once(')')?;
        let (file, anchor) = target.split_once('#')?;
        let file = if file.is_empty() { page } else { file };
        (!file.contains('/')).then(|| format!("{file}#{anchor}"))
    })
}
