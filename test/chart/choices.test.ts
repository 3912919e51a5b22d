import { describe, expect, it } from "@jest/globals";
import { clusterAvailable } from "../cluster/available.ts";
import { chart, helm, objectsOf, rendered } from "./helm.ts";

// What single values of the chart do; render.test.ts compares whole sets of them with the code that writes install.yaml.

/** Paths of everything that is no text: `Service spec.ports.0.port`. */
function numbersOf(text: string): readonly string[] {
  const found = (node: unknown, path: string): readonly string[] => {
    if (typeof node === "object" && node !== null)
      return Object.entries(node).flatMap(([key, child]) => found(child, `${path}.${key}`));
    return typeof node === "string" ? [] : [path];
  };
  return objectsOf(text)
    .flatMap((object, index) => found(object, `${object.kind} ${index}`))
    .sort();
}

(clusterAvailable ? describe : describe.skip)("a value of the chart", () => {
  it("stays text where YAML would read a number, a boolean or a date", async () => {
    const given = [
      "resolvers.endpoint.create=true",
      "admission.certificates=cert-manager",
      "metrics.podMonitor.enabled=true",
    ];
    const names = [
      "fullnameOverride=2024-01-01",
      "nameOverride=1e3",
      "rbac.nameOverride=true",
      "serviceAccount.name=0x1",
    ];
    const others = ["service.nameOverride=12", "resolvers.endpoint.name=5"];
    const named = ["--set", given.join(","), "--set-string", [...names, ...others].join(",")];
    const { stdout } = await helm(["template", "2024", chart, "-n", "1234567", ...named]);
    expect(numbersOf(stdout)).toEqual(numbersOf(await rendered(["--set", given.join(",")])));
  });
});
