//! `docs/CLIENTS.md`: a redemption by curl, by a Python client and by a TypeScript client that
//! standard generators make of the served document. The examples are run as they stand there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::ledger::Ledger;

const GENERATOR: &str = "openapi-python-client==0.29.1";
const PACKAGES: [&str; 4] = [
    "openapi-fetch@0.17.0",
    "openapi-typescript@7.13.0",
    "typescript@5.9.3",
    "@types/node@22.19.1",
];

/// A ledger with the offer and the credit that the page needs.
struct Shop {
    ledger: Ledger,
    folder: tempfile::TempDir,
    page: String,
}

impl Shop {
    async fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let ledger = Ledger::start(&folder.path().join("data"));
        let api = &ledger.client;
        let offer = json!({"product_id": "mug-blue", "price": 150, "stock": 10});
        api.put("operator", "/v1/offers/mug", offer).await.is(201);
        let credit = json!({"points": 1_000, "cause": {"kind": "review", "id": "R-1"}});
        api.post("merchant", "/v1/accounts/ann/credits", credit).await.is(201);
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/CLIENTS.md");
        let page = fs::read_to_string(page).expect("docs/CLIENTS.md");
        Self { ledger, folder, page }
    }

    /// The first block in a language of the section with this heading.
    fn block(&self, heading: &str, language: &str) -> String {
        let (_, section) = self.page.split_once(&format!("\n## {heading}\n")).expect("a section");
        let section = section.split("\n## ").next().unwrap_or_default();
        let (_, block) = section.split_once(&format!("```{language}\n")).expect("a block");
        block.split("```").next().unwrap_or_default().to_owned()
    }

    /// What the page says that the last example of a section prints.
    fn prints(&self, heading: &str) -> String {
        let (_, section) = self.page.split_once(&format!("\n## {heading}\n")).expect("a section");
        let section = section.split("\n## ").next().unwrap_or_default();
        let (_, shown) = section.split_once("It prints `").expect("what it prints");
        shown.split('`').next().unwrap_or_default().to_owned()
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, command: &mut Command) -> String {
        command.current_dir(self.folder.path());
        command.env("GUERDON_URL", &self.ledger.client.url);
        command.env("GUERDON_KEY", self.ledger.client.key("shopper"));
        let Output { status, stdout, stderr } = command.output().expect("it can be run");
        let (out, err) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        assert!(status.success(), "{command:?}: {status}\n{out}\n{err}");
        out.trim().to_owned()
    }

    /// The redemption is the page's, and the account has paid once.
    async fn has_paid(self, exchange: &str) {
        let read = format!("/v1/accounts/ann/exchanges/{exchange}");
        let api = &self.ledger.client;
        let answer = api.request("GET", &read, "shopper").header("Guerdon-Position", "0:5");
        let answer = answer.send().await.expect("answered").json::<Value>().await.expect("JSON");
        assert_eq!((&answer["points"], &answer["offer_id"]), (&json!(150), &json!("mug")));
        assert_eq!(self.ledger.stop(), Some(0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn curl_redeems_as_the_page_shows() {
    let shop = Shop::open().await;
    let script = shop.block("curl", "bash");
    let printed = shop.run(Command::new("bash").args(["-ec", &script]));
    assert_eq!(printed, shop.block("curl", "json").trim());
    shop.has_paid("x-1").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_generated_python_client_redeems_as_the_page_shows() {
    let shop = Shop::open().await;
    assert!(shop.page.contains(GENERATOR), "the page names the version that is tested");
    let python = services::python_with(GENERATOR).expect("a Python with the generator");
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.json");
    let programs = python.parent().expect("a folder").to_owned();
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", programs.display());
    let mut generate = Command::new(programs.join("openapi-python-client"));
    generate.arg("generate").arg("--path").arg(document).env("PATH", path);
    generate.args(["--meta", "none", "--output-path", "guerdon_client"]);
    shop.run(&mut generate);
    // Every module is there to be imported.
    shop.run(Command::new(&python).args(["-m", "compileall", "-q", "guerdon_client"]));
    let import = "import pkgutil, importlib, guerdon_client as g\n\
                  found = [m.name for m in pkgutil.walk_packages(g.__path__, 'guerdon_client.')]\n\
                  [importlib.import_module(name) for name in found]\n\
                  print(len([name for name in found if '.api.' in name]) > 100)";
    assert_eq!(shop.run(Command::new(&python).args(["-c", import])), "True");
    fs::write(shop.at("redeem.py"), shop.block("Python", "python")).expect("written");
    assert_eq!(shop.run(Command::new(&python).arg("redeem.py")), shop.prints("Python"));
    shop.has_paid("x-2").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_generated_typescript_client_compiles_and_redeems_as_the_page_shows() {
    let shop = Shop::open().await;
    for package in PACKAGES {
        assert!(shop.page.contains(package), "the page names {package}, which is tested");
    }
    let node = services::node_with("clients", &PACKAGES).expect("a Node.js with the generator");
    let modules = node.folder.join("node_modules");
    std::os::unix::fs::symlink(&modules, shop.at("node_modules")).expect("a link");
    fs::write(shop.at("package.json"), r#"{"private":true,"type":"module"}"#).expect("written");
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.json");
    let mut generate = Command::new(&node.program);
    generate.arg(modules.join("openapi-typescript/bin/cli.js")).arg(document);
    shop.run(generate.args(["--output", "guerdon.ts"]));
    fs::write(shop.at("redeem.ts"), shop.block("TypeScript", "typescript")).expect("written");
    let mut check = Command::new(&node.program);
    check.arg(modules.join("typescript/bin/tsc")).args([
        "--noEmit",
        "--strict",
        "--target",
        "es2022",
        "--module",
        "nodenext",
        "--allowImportingTsExtensions",
        "--types",
        "node",
        "redeem.ts",
    ]);
    shop.run(&mut check);
    assert_eq!(shop.run(Command::new(&node.program).arg("redeem.ts")), shop.prints("TypeScript"));
    shop.has_paid("x-3").await;
}
