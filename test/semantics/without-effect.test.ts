import { expect, it } from "@jest/globals";
import { compile } from "../../compile/compile.ts";
import { manifestReader } from "../../compile/manifests.ts";
import { formatProblem } from "../../ir/problem.ts";

it("a DevPortal is told to be without effect, and only to the gateway that it is for", () => {
  const portal = (name: string, id: string) =>
    `---\napiVersion: getambassador.io/v3alpha1\nkind: DevPortal\nmetadata: { name: ${name} }\nspec: { ambassador_id: [${id}] }\n`;
  const text = portal("ours", "default") + portal("theirs", "other");
  const { resources } = manifestReader()(new Map([["a.yaml", { kind: "text", text }]]));
  const settings = { ambassadorId: "default", ownNamespace: "default", bindAddress: "127.0.0.1", inCluster: false };
  expect(compile(resources, settings).problems.map(formatProblem)).toEqual([
    "DevPortal default/ours: kind: a DevPortal has no effect, here as in Emissary; remove it",
  ]);
});
