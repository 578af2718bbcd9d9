//! The routes, as the routers' source has them, and what their handlers read of a request.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use syn::{Expr, ExprCall, ExprMethodCall, FnArg, GenericArgument, Item, ItemFn, PathArguments};
use syn::{Pat, ReturnType, Stmt, Type, TypeParamBound};

use crate::source::{SourceFile, Sources};

/// The methods that a route may have.
const METHODS: [&str; 5] = ["get", "put", "post", "patch", "delete"];

/// A call: a route with a method, and its handler.
pub(crate) struct Route<'s> {
    /// In capitals.
    pub(crate) method: String,
    pub(crate) path: String,
    /// What the handler takes.
    pub(crate) takes: Takes,
    /// The file of the handler.
    pub(crate) home: &'s SourceFile,
}

/// What a handler reads of a request.
#[derive(Clone, Default)]
pub(crate) struct Takes {
    /// The types of the ids in the path.
    pub(crate) ids: Vec<Type>,
    pub(crate) query: Option<Type>,
    pub(crate) body: Option<Type>,
    /// Whether it waits for the positions in `Guerdon-Position`.
    pub(crate) positions: bool,
    /// Whether it reads headers by itself: `If-None-Match`, `If-Match`.
    pub(crate) headers: bool,
}

impl Route<'_> {
    /// `PUT /v1/policy`.
    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// Every route that asks for a key. One that two parts have, of which one runs, is there once.
pub(crate) fn routes(sources: &Sources) -> anyhow::Result<Vec<Route<'_>>> {
    let mut routes: Vec<Route<'_>> = vec![];
    for file in sources.files() {
        for item in &file.items {
            let functions: Vec<(&syn::Block, &str)> = match item {
                Item::Fn(function) => vec![(&function.block, file.path.as_str())],
                Item::Impl(block) => block
                    .items
                    .iter()
                    .filter_map(|item| match item {
                        syn::ImplItem::Fn(function) => Some((&function.block, file.path.as_str())),
                        _ => None,
                    })
                    .collect(),
                _ => vec![],
            };
            for (block, path) in functions {
                for found in in_block(block).with_context(|| path.to_owned())? {
                    let (handler, home) = sources.function(&found.handler, file)?;
                    let takes = takes(handler)
                        .with_context(|| format!("{}: {}", home.path, found.handler))?;
                    let route = Route { method: found.method, path: found.path, takes, home };
                    if routes.iter().all(|known| known.name() != route.name()) {
                        routes.push(route);
                    }
                }
            }
        }
    }
    Ok(routes)
}

/// A route as a router writes it.
#[derive(Clone)]
struct Written {
    method: String,
    path: String,
    handler: String,
}

/// What a variable of a router's function stands for.
enum Bound {
    Routes(Vec<Written>),
    Handler(String),
}

type Variables = BTreeMap<String, Bound>;

fn in_block(block: &syn::Block) -> anyhow::Result<Vec<Written>> {
    let mut variables = Variables::new();
    let mut all = vec![];
    for statement in &block.stmts {
        match statement {
            Stmt::Local(local) => {
                let (Pat::Ident(name), Some(value)) = (&local.pat, &local.init) else { continue };
                let name = name.ident.to_string();
                let found = in_router(&value.expr, &variables)?;
                if !found.is_empty() {
                    variables.insert(name, Bound::Routes(found));
                } else if let Some(handler) = guarded(&value.expr, &variables) {
                    variables.insert(name, Bound::Handler(handler));
                }
            }
            Stmt::Expr(expression, None) => all.extend(in_router(expression, &variables)?),
            Stmt::Expr(..) | Stmt::Item(_) | Stmt::Macro(_) => {}
        }
    }
    Ok(all)
}

/// The routes of `Router::new().route(…).nest(…)`.
fn in_router(expression: &Expr, variables: &Variables) -> anyhow::Result<Vec<Written>> {
    let Expr::MethodCall(call) = expression else {
        let known = name_of(expression).and_then(|name| variables.get(&name));
        return Ok(match known {
            Some(Bound::Routes(routes)) => routes.clone(),
            _ => vec![],
        });
    };
    let mut found = in_router(&call.receiver, variables)?;
    match (call.method.to_string().as_str(), call.args.iter().collect::<Vec<_>>().as_slice()) {
        ("route", [path, methods]) => {
            let Some(path) = text_of(path) else { return Ok(found) };
            found.extend(in_methods(methods, &path, variables)?);
        }
        ("nest", [prefix, router]) => {
            let Some(prefix) = text_of(prefix) else { return Ok(found) };
            for route in in_router(router, variables)? {
                found.push(Written { path: format!("{prefix}{}", route.path), ..route });
            }
        }
        ("merge", [router]) => found.extend(in_router(router, variables)?),
        _ => {}
    }
    Ok(found)
}

/// The methods of `get(only(…)).delete(only(…))`; those without `only` ask for no key.
fn in_methods(
    expression: &Expr,
    path: &str,
    variables: &Variables,
) -> anyhow::Result<Vec<Written>> {
    let (method, handler, mut found) = match expression {
        Expr::Call(ExprCall { func, args, .. }) => (name_of(func), args.first(), vec![]),
        Expr::MethodCall(ExprMethodCall { receiver, method, args, .. }) => {
            let before = in_methods(receiver, path, variables)?;
            (Some(method.to_string()), args.first(), before)
        }
        _ => return Ok(vec![]),
    };
    let (Some(method), Some(handler)) = (method, handler) else { return Ok(found) };
    if !METHODS.contains(&method.as_str()) {
        return Ok(found);
    }
    let Some(handler) = guarded(handler, variables) else { return Ok(found) };
    found.push(Written { method: method.to_uppercase(), path: path.to_owned(), handler });
    Ok(found)
}

/// The handler's name in `only(roles, handler).about(…)`.
fn guarded(expression: &Expr, variables: &Variables) -> Option<String> {
    match expression {
        Expr::MethodCall(call) => guarded(&call.receiver, variables),
        Expr::Call(call) if name_of(&call.func).as_deref() == Some("only") => {
            match call.args.get(1)? {
                // A function that makes a handler: `of_account("withdrawals")`.
                Expr::Call(maker) => name_of(&maker.func),
                handler => name_of(handler),
            }
        }
        _ => match variables.get(&name_of(expression)?)? {
            Bound::Handler(handler) => Some(handler.clone()),
            Bound::Routes(_) => None,
        },
    }
}

fn name_of(expression: &Expr) -> Option<String> {
    let Expr::Path(path) = expression else { return None };
    path.path.segments.last().map(|segment| segment.ident.to_string())
}

fn text_of(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
        _ => None,
    }
}

/// What a handler reads: of a function that makes one, what the made one does.
fn takes(handler: &ItemFn) -> anyhow::Result<Takes> {
    let made = match &handler.sig.output {
        ReturnType::Type(_, made) => match &**made {
            Type::ImplTrait(made) => made.bounds.iter().find_map(|bound| match bound {
                TypeParamBound::Trait(of) => match &of.path.segments.last()?.arguments {
                    PathArguments::Parenthesized(function) => {
                        Some(function.inputs.iter().cloned().collect::<Vec<_>>())
                    }
                    _ => None,
                },
                _ => None,
            }),
            _ => None,
        },
        ReturnType::Default => None,
    };
    let types = made.unwrap_or_else(|| {
        let typed = handler.sig.inputs.iter().filter_map(|input| match input {
            FnArg::Typed(typed) => Some((*typed.ty).clone()),
            FnArg::Receiver(_) => None,
        });
        typed.collect()
    });
    let mut takes = Takes::default();
    for taken in types {
        let Type::Path(path) = &taken else { continue };
        let Some(segment) = path.path.segments.last() else { continue };
        let within = arguments(&segment.arguments);
        match segment.ident.to_string().as_str() {
            "PathId" | "PathIds" | "ThreePathIds" => takes.ids = within,
            // An alias of `ThreePathIds<AccountId, CauseId, RecordedId>`.
            "PartOfFact" => {
                let names = ["AccountId", "CauseId", "RecordedId"];
                takes.ids = names.map(syn::parse_str).into_iter().collect::<Result<_, _>>()?;
            }
            "QueryString" => takes.query = within.into_iter().next(),
            "JsonBody" => takes.body = within.into_iter().next(),
            "Fresh" => takes.positions = true,
            "HeaderMap" => takes.headers = true,
            "State" | "Caller" | "IdempotencyKey" => {}
            other => bail!("it takes a {other}, and nobody has said what that reads"),
        }
    }
    Ok(takes)
}

/// The types between the angle brackets.
pub(crate) fn arguments(arguments: &PathArguments) -> Vec<Type> {
    let PathArguments::AngleBracketed(arguments) = arguments else { return vec![] };
    let types = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(argument) => Some(argument.clone()),
        _ => None,
    });
    types.collect()
}
