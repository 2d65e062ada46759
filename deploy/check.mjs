// Checks that need packages of npm, for `deploy/local test`:
//
//   node deploy/check.mjs MODULES asyncapi FILE     by the official AsyncAPI parser
//   node deploy/check.mjs MODULES keda FILE...      each ScaledObject in YAML files, by KEDA's own schema
//
// MODULES is the folder in which `npm install` has put them.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [modules, check, ...files] = process.argv.slice(2);
const require = createRequire(`${resolve(modules)}/`);
let wrong = 0;

function complain(file, text) {
  console.error(`${file}: ${text}`);
  wrong += 1;
}

async function asyncapi(file) {
  const { Parser } = require("@asyncapi/parser");
  const { document, diagnostics } = await new Parser().parse(readFileSync(file, "utf8"));
  const [error, warning] = [0, 1];
  for (const { severity, code, message, path } of diagnostics) {
    if (severity === error || severity === warning) complain(file, `${path.join(".")}: ${message} (${code})`);
  }
  if (!document) return complain(file, "is no AsyncAPI document");
  const operations = document.operations().all();
  if (operations.length === 0) complain(file, "has no operations");
  console.log(`${file}: AsyncAPI ${document.version()}, ${operations.length} operations`);
}

async function keda(file) {
  // It can be imported only, and an import looks beside this file.
  const path = resolve(modules, "node_modules/@kubernetes-models/keda/keda.sh/v1alpha1/index.js");
  const { ScaledObject } = await import(pathToFileURL(path));
  const resources = require("js-yaml").loadAll(readFileSync(file, "utf8"));
  const scaled = resources.filter((resource) => resource.kind === "ScaledObject");
  for (const resource of scaled) {
    try {
      new ScaledObject(resource).validate();
    } catch (error) {
      complain(file, error.message);
    }
  }
  if (scaled.length === 0) complain(file, "has no ScaledObject");
  console.log(`${file}: ${scaled.length} ScaledObject`);
}

for (const file of files) await { asyncapi, keda }[check](file);
process.exit(wrong ? 1 : 0);
