/**
 * The capabilities as a Pepr module: `npx pepr build -M scoped` is their dry run without a cluster. What is installed is our own host
 * of the same capabilities: `nuncio admission`. Only Pepr imports this file; it runs when imported.
 *
 * `npx pepr dev` judges with it in a cluster that has Pepr's store (the CRD peprstores.pepr.dev and the namespace pepr-system). Pepr
 * 1.1.4 writes a CommonJS file to dist/ by a name that is an ES module's in this package; dist/package.json with {"type":"commonjs"}
 * puts that right for as long as you use it.
 */
import { PeprModule } from "pepr";
import { capabilities } from "./capabilities/index.ts";
import { peprHooks } from "./capabilities/pepr-hooks.ts";
import packageJson from "./package.json" with { type: "json" };

const { AMBASSADOR_ID, AMBASSADOR_NAMESPACE, PEPR_MODE } = process.env;

const hooks = peprHooks({
  settings: Object.freeze({
    ambassadorId: AMBASSADOR_ID ?? "default",
    ownNamespace: AMBASSADOR_NAMESPACE ?? "default",
    bindAddress: "0.0.0.0",
    inCluster: true,
  }),
  follows: PEPR_MODE === "dev",
});

new PeprModule(packageJson, capabilities(hooks));
