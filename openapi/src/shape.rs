//! JSON Schemas of bodies, from the structs that are read and written.
//!
//! What serde's attributes say counts: a request's field is needed unless it is an `Option` or has
//! a default, an answer's is always there unless it is skipped. A flattened struct's fields stand
//! among the others. A request refuses unknown fields; an answer may get more.

use anyhow::{Context as _, bail};
use serde_json::json;
use syn::{Field, Fields, ItemEnum, ItemStruct, Type};

use crate::json::{Json, Members};
use crate::route::arguments;
use crate::scalar::{listed, range, scalar};
use crate::serde_attribute::{attributes, derives, serde_values};
use crate::source::{Definition, Kind, SourceFile, Sources, doc};

/// Fields whose type says less than is known of them.
const SAID_ELSEWHERE: [(&str, &str, &str); 3] = [
    ("Item", "data", "ShippingMessage"),
    ("CreateKeyBody", "role", "RoleName"),
    ("KeyBody", "role", "RoleName"),
];

/// What a generic type's parameter stands for, and where that is meant.
type Given<'s> = Option<(String, Type, &'s SourceFile)>;

/// The schemas that the document has so far, by their names.
pub(crate) struct Shapes<'s> {
    sources: &'s Sources,
    pub(crate) schemas: Members,
}

/// The fields of an object.
#[derive(Default)]
struct Object {
    properties: Members,
    required: Vec<String>,
    /// Whether it takes no other members.
    is_closed: bool,
}

impl<'s> Shapes<'s> {
    pub(crate) fn new(sources: &'s Sources) -> Self {
        Self { sources, schemas: Members::new() }
    }

    /// The schema of a body's type, such as `Page<OfferBody>`, as a reference.
    pub(crate) fn body(&mut self, written: &str) -> anyhow::Result<Json> {
        let home = self.own_file()?;
        let body: Type = syn::parse_str(written)?;
        self.of(&body, home, &None, false).with_context(|| written.to_owned())
    }

    /// The schema of what is asked for: a type in a handler's file.
    pub(crate) fn asked(&mut self, asked: &Type, home: &'s SourceFile) -> anyhow::Result<Json> {
        self.of(asked, home, &None, true)
    }

    /// The parameters of a query's struct: name, schema, and whether it is needed.
    pub(crate) fn query(
        &mut self,
        query: &Type,
        home: &'s SourceFile,
    ) -> anyhow::Result<Vec<(String, Json, bool)>> {
        let (name, given) = named(query, home).context("a query is a struct")?;
        let found = self.sources.find(&name, home)?;
        let Kind::Struct(of) = found.kind else { bail!("{name} is no struct") };
        let given = self.given(found, given);
        let mut parameters = vec![];
        for field in &of.fields {
            let attributes = attributes(&field.attrs)?;
            let name = field.ident.as_ref().context("a named field")?.to_string();
            let inner = option(&field.ty);
            let schema = self.of(inner.unwrap_or(&field.ty), found.home, &given, true)?;
            parameters.push((name, schema, inner.is_none() && !attributes.has_default));
        }
        Ok(parameters)
    }

    /// The schema of a merge patch of a body: any of its fields, also within objects, and `null` to
    /// take one away.
    pub(crate) fn patch(&mut self, of: &Json) -> anyhow::Result<Json> {
        if let Some(Json::List(choices)) = of.get("anyOf") {
            let patched = choices.iter().map(|choice| self.patch(choice));
            return Ok(Json::object().with("anyOf", patched.collect::<anyhow::Result<Vec<_>>>()?));
        }
        let Some(whole) = of.get("$ref").and_then(Json::text) else { return Ok(of.clone()) };
        let whole = whole.rsplit('/').next().unwrap_or_default().to_owned();
        let schema = self.schemas.get(&whole).context("a body's schema")?.clone();
        let Some(fields) = schema.get("properties").and_then(Json::members) else {
            return Ok(of.clone());
        };
        let mut properties = Members::new();
        for (field, schema) in fields {
            let text = schema.get("description").cloned();
            let mut plain = schema.clone();
            if let Json::Object(members) = &mut plain {
                members.shift_remove("description");
            }
            let patched = nullable(self.patch(&plain)?);
            properties.insert(field.clone(), patched.with_some("description", text));
        }
        let name = format!("Patch{}", whole.strip_prefix("Put").unwrap_or(&whole));
        let patch = Json::object()
            .with("type", "object")
            .with("description", format!("Some fields of {whole}, as a merge patch (RFC 7396)."))
            .with("properties", properties)
            .with("additionalProperties", false);
        self.schemas.insert(name.clone(), patch);
        Ok(Json::reference(&format!("schemas/{name}")))
    }

    fn own_file(&self) -> anyhow::Result<&'s SourceFile> {
        let own = |file: &&SourceFile| file.of_crate == "openapi";
        self.sources.files().iter().find(own).context("openapi/src/answers.rs")
    }

    fn of(
        &mut self,
        of: &Type,
        home: &'s SourceFile,
        given: &Given<'s>,
        is_asked: bool,
    ) -> anyhow::Result<Json> {
        let path = match of {
            Type::Reference(reference) => return self.of(&reference.elem, home, given, is_asked),
            Type::Path(path) => path,
            _ => bail!("a body has a type that is neither a path nor a reference"),
        };
        let segment = path.path.segments.last().context("a path has segments")?;
        let name = segment.ident.to_string();
        let within = arguments(&segment.arguments);
        if let Some((parameter, stands_for, where_meant)) = given
            && *parameter == name
        {
            return self.of(&stands_for.clone(), where_meant, &None, is_asked);
        }
        match (name.as_str(), within.first()) {
            ("Object" | "Box" | "Cow", Some(inner)) => {
                return self.of(inner, home, given, is_asked);
            }
            ("Option", Some(inner)) => {
                return Ok(nullable(self.of(inner, home, given, is_asked)?));
            }
            ("Vec", Some(inner)) => {
                let items = self.of(inner, home, given, is_asked)?;
                return Ok(Json::object().with("type", "array").with("items", items));
            }
            ("BTreeMap", Some(_)) => {
                let value = within.get(1).context("a map has values")?;
                let value = self.of(value, home, given, is_asked)?;
                return Ok(Json::object()
                    .with("type", "object")
                    .with("additionalProperties", value));
            }
            ("Problem", None) => return Ok(Json::reference("schemas/Problem")),
            _ => {}
        }
        if let Some((name, schema)) = scalar(&name, is_asked) {
            if name.is_empty() {
                return Ok(schema.into());
            }
            self.schemas.entry(name.to_owned()).or_insert_with(|| schema.into());
            return Ok(Json::reference(&format!("schemas/{name}")));
        }
        self.named(&name, within.first().map(|inner| (inner.clone(), home)), home)
    }

    /// A reference to the schema of a struct or an enum, which is made once.
    fn named(
        &mut self,
        name: &str,
        inner: Option<(Type, &'s SourceFile)>,
        home: &'s SourceFile,
    ) -> anyhow::Result<Json> {
        let found = self.sources.find(name, home)?;
        let given = self.given(found, inner.clone());
        let inner = inner.and_then(|(inner, home)| Some(plain_name(&named(&inner, home)?.0)));
        let own = plain_name(name);
        let title = match (own.as_str(), inner) {
            (_, None) => own,
            ("Page", Some(item)) => format!("{item}Page"),
            ("ShipmentAnswer", Some(fact)) => format!("{fact}Answer"),
            (_, Some(inner)) => format!("{own}{inner}"),
        };
        let reference = Json::reference(&format!("schemas/{title}"));
        if self.schemas.contains_key(&title) {
            return Ok(reference);
        }
        // Where it contains itself, it is there already.
        self.schemas.insert(title.clone(), Json::object());
        let schema = match found.kind {
            Kind::Struct(of) => {
                let object = self.object(of, found.home, &given).with_context(|| title.clone())?;
                object.schema(&doc(&of.attrs))
            }
            Kind::Enum(of) => self.choice(of, found.home).with_context(|| title.clone())?,
        };
        self.schemas.insert(title, schema);
        Ok(reference)
    }

    fn given(&self, found: Definition<'s>, inner: Option<(Type, &'s SourceFile)>) -> Given<'s> {
        let Kind::Struct(of) = found.kind else { return None };
        let parameter = of.generics.type_params().next()?.ident.to_string();
        inner.map(|(inner, home)| (parameter, inner, home))
    }

    fn object(
        &mut self,
        of: &'s ItemStruct,
        home: &'s SourceFile,
        given: &Given<'s>,
    ) -> anyhow::Result<Object> {
        let (reads, writes) = derives(&of.attrs);
        let is_stored = home.of_crate == "event-schema";
        let is_asked = reads && !is_stored;
        let mut object = Object { is_closed: is_asked, ..Object::default() };
        for field in &of.fields {
            self.add(field, &of.ident.to_string(), home, given, (is_asked, writes), &mut object)
                .with_context(|| format!("{}", of.ident))?;
        }
        Ok(object)
    }

    fn add(
        &mut self,
        field: &'s Field,
        of: &str,
        home: &'s SourceFile,
        given: &Given<'s>,
        (is_asked, is_answered): (bool, bool),
        object: &mut Object,
    ) -> anyhow::Result<()> {
        let said = attributes(&field.attrs)?;
        if said.is_skipped {
            return Ok(());
        }
        if said.is_flat {
            return self.add_flat(&field.ty, home, given, object);
        }
        let ident = field.ident.as_ref().context("a body's fields have names")?.to_string();
        let name = said.rename.unwrap_or_else(|| ident.trim_start_matches("r#").to_owned());
        let text = doc(&field.attrs);
        let elsewhere =
            SAID_ELSEWHERE.iter().find(|(in_type, of_name, _)| *in_type == of && *of_name == name);
        let stands_for = match elsewhere {
            Some((_, _, other)) => syn::parse_str(other)?,
            None => field.ty.clone(),
        };
        let inner = option(&stands_for);
        let mut schema = match said.with.as_deref() {
            Some("domain::sum" | "domain::optional_sum") => self.points_from_0()?,
            _ => self.of(inner.unwrap_or(&stands_for), home, given, is_asked)?,
        };
        if elsewhere.is_none() {
            schema = limited(schema, &text, is_asked);
        }
        // In an answer, `null` is written where the field isn't skipped; a request may send it
        // where serde reads an `Option`.
        let may_be_null = match said.with.as_deref() {
            // `Some` also where it is `null`: only an `Option` within can be that.
            Some("present") => false,
            Some("null_is_default") => true,
            _ => inner.is_some() && (is_asked || !said.may_be_left_out),
        };
        if may_be_null {
            schema = nullable(schema);
        }
        if !text.is_empty() {
            schema.set("description", text);
        }
        let is_needed =
            if is_asked { inner.is_none() && !said.has_default } else { !said.may_be_left_out };
        // What both sides have may be left out where one side lets it.
        if is_needed && !(is_answered && said.may_be_left_out) {
            object.required.push(name.clone());
        }
        object.properties.insert(name, schema);
        Ok(())
    }

    /// Fields that stand among those of another struct. Those that are there already stay.
    fn add_flat(
        &mut self,
        of: &Type,
        home: &'s SourceFile,
        given: &Given<'s>,
        object: &mut Object,
    ) -> anyhow::Result<()> {
        let (optional, of) = (option(of).is_some(), option(of).unwrap_or(of));
        let (mut name, mut inner) = named(of, home).context("a flat field is a struct")?;
        let mut home = home;
        if let Some((parameter, stands_for, where_meant)) = given
            && *parameter == name
        {
            (name, inner) = named(stands_for, where_meant).context("a flat field is a struct")?;
            home = where_meant;
        }
        // The public fields of an event are those of the struct that flattens this.
        if name == "Map" {
            return Ok(());
        }
        let found = self.sources.find(&name, home)?;
        let Kind::Struct(of) = found.kind else { bail!("{name} is flat and no struct") };
        let given = self.given(found, inner);
        let flat = self.object(of, found.home, &given)?;
        for (name, schema) in flat.properties {
            if object.properties.contains_key(&name) {
                continue;
            }
            if !optional && flat.required.contains(&name) {
                object.required.push(name.clone());
            }
            object.properties.insert(name, schema);
        }
        Ok(())
    }

    fn choice(&mut self, of: &'s ItemEnum, home: &'s SourceFile) -> anyhow::Result<Json> {
        let style = serde_values(&of.attrs)?;
        let value =
            |name: &str| style.iter().find(|(key, _)| key == name).map(|(_, it)| it.clone());
        let is_kebab = match value("rename_all").as_deref() {
            None => false,
            Some("kebab-case") => true,
            Some(other) => bail!("{} is written as {other}", of.ident),
        };
        let mut words = vec![];
        for variant in &of.variants {
            let renamed = attributes(&variant.attrs)?.rename;
            let plain = variant.ident.to_string();
            words.push(renamed.unwrap_or_else(|| if is_kebab { kebab(&plain) } else { plain }));
        }
        let text = doc(&of.attrs);
        let Some(tag) = value("tag") else {
            if of.variants.iter().any(|variant| !variant.fields.is_empty()) {
                bail!("{} has fields and no tag", of.ident);
            }
            let words = Json::texts(words.iter().map(String::as_str));
            return Ok(Json::object()
                .with("type", "string")
                .with("enum", words)
                .with("description", text));
        };
        let mut choices = vec![];
        for (variant, word) in of.variants.iter().zip(words) {
            let mut object = Object::default();
            object.properties.insert(tag.clone(), json!({"type": "string", "const": word}).into());
            object.required.push(tag.clone());
            let Fields::Named(fields) = &variant.fields else { bail!("{} is bare", variant.ident) };
            for field in &fields.named {
                self.add(field, "", home, &None, (false, true), &mut object)?;
            }
            let title = format!("{}{}", variant.ident, plain_name(&of.ident.to_string()));
            let schema = object.schema(&doc(&variant.attrs)).with("title", title.clone());
            self.schemas.insert(title.clone(), schema);
            choices.push(Json::reference(&format!("schemas/{title}")));
        }
        Ok(Json::object().with("oneOf", choices).with("description", text))
    }

    fn points_from_0(&mut self) -> anyhow::Result<Json> {
        let (name, schema) = scalar("PointsFrom0", false).context("a scalar")?;
        self.schemas.entry(name.to_owned()).or_insert_with(|| schema.into());
        Ok(Json::reference(&format!("schemas/{name}")))
    }
}

impl Object {
    fn schema(self, text: &str) -> Json {
        let Self { properties, required, is_closed } = self;
        let mut schema = Json::object().with("type", "object");
        if !text.is_empty() {
            schema.set("description", without_code_links(text));
        }
        schema.set("properties", properties);
        if !required.is_empty() {
            schema.set("required", Json::texts(required.iter().map(String::as_str)));
        }
        if is_closed {
            schema.set("additionalProperties", false);
        }
        schema
    }
}

/// The same, and `null`.
pub(crate) fn nullable(schema: Json) -> Json {
    let null = || Json::from(json!({"type": "null"}));
    match schema.get("type").and_then(Json::text).map(str::to_owned) {
        Some(plain) if schema.get("enum").is_none() => {
            schema.with("type", Json::texts([plain.as_str(), "null"]))
        }
        _ if schema.get("type").is_some() && schema.get("enum").is_none() => schema,
        _ if schema.get("anyOf").is_some() => schema,
        _ => Json::object().with("anyOf", vec![schema, null()]),
    }
}

/// A text's or a number's schema with what the field's doc says of it.
fn limited(schema: Json, text: &str, is_asked: bool) -> Json {
    let kind = schema.get("type").and_then(Json::text).map(str::to_owned);
    match (kind.as_deref(), range(text)) {
        (Some("string"), limits) if schema.get("format").is_none() => {
            match (listed(text), limits) {
                (Some(listed), _) => listed,
                (None, Some((from, to))) if text.contains("characters") => {
                    schema.with("minLength", from).with("maxLength", to)
                }
                _ => schema,
            }
        }
        (Some("integer"), Some((from, to))) if is_asked => {
            schema.with("minimum", from).with("maximum", to)
        }
        (Some("array"), Some((from, to))) if is_asked => {
            schema.with("minItems", from).with("maxItems", to)
        }
        _ => schema,
    }
}

/// `Offer` of `OfferBody`; a name that says little outside of its file is a longer one.
fn plain_name(name: &str) -> String {
    match name {
        "Report" => "PublisherReport".to_owned(),
        "Item" => "StreamedMessage".to_owned(),
        _ => name.strip_suffix("Body").unwrap_or(name).to_owned(),
    }
}

/// `back-ordered` of `BackOrdered`.
fn kebab(name: &str) -> String {
    let mut word = String::new();
    for (index, letter) in name.chars().enumerate() {
        if letter.is_ascii_uppercase() && index > 0 {
            word.push('-');
        }
        word.push(letter.to_ascii_lowercase());
    }
    word
}

/// Rustdoc's links as plain code.
fn without_code_links(text: &str) -> String {
    text.replace("[`", "`").replace("`]", "`")
}

/// The `T` of an `Option<T>`.
fn option(of: &Type) -> Option<&Type> {
    let Type::Path(path) = of else { return None };
    let segment = path.path.segments.last().filter(|segment| segment.ident == "Option")?;
    let syn::PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    match arguments.args.first()? {
        syn::GenericArgument::Type(inner) => Some(inner),
        _ => None,
    }
}

/// A type's name, and the type between its angle brackets.
fn named<'s>(of: &Type, home: &'s SourceFile) -> Option<(String, Option<(Type, &'s SourceFile)>)> {
    let Type::Path(path) = of else { return None };
    let segment = path.path.segments.last()?;
    let inner = arguments(&segment.arguments).into_iter().next();
    Some((segment.ident.to_string(), inner.map(|inner| (inner, home))))
}
