import fs from "node:fs";
import { afterAll, describe, expect, it } from "@jest/globals";
import { ENVOY_BINARY } from "../support/envoy.ts";
import { directoryWith, listener, mapping, nuncio } from "./nuncio.ts";

const scripted = (script: string) =>
  `---\napiVersion: getambassador.io/v3alpha1\nkind: Module\nmetadata: { name: ambassador }\nspec: { config: { lua_scripts: "${script}" } }\n`;
const routed = mapping("m", "prefix: /", "service: http://127.0.0.1:9");
const bad = directoryWith({ "a.yaml": `${listener}---\n${routed}${scripted("x =")}` });
const good = directoryWith({ "a.yaml": `${listener}---\n${routed}${scripted("x = 1")}` });

afterAll(() => {
  for (const directory of [bad, good]) fs.rmSync(directory, { recursive: true });
});

const text = `Module default/ambassador: spec.config.lua_scripts: the script is refused by Envoy: script load error: [string "x ="]:1: unexpected symbol near '<eof>'`;
const withEnvoy = { env: { NUNCIO_ENVOY: ENVOY_BINARY } };

describe("what only Envoy can judge", () => {
  it("is judged by check", async () => {
    const { code, stdout, stderr } = await nuncio(["check", bad], withEnvoy);
    expect({ code, stderr }).toEqual({ code: 1, stderr: "" });
    expect(stdout).toContain(`a.yaml:17: error: ${text}`);
    expect(await nuncio(["check", good], withEnvoy)).toMatchObject({ code: 0, stderr: "" });
  });

  it("is judged by translate, which leaves it out", async () => {
    const { code, stdout, stderr } = await nuncio(["translate", bad], withEnvoy);
    expect(code).toBe(1);
    expect(stderr).toContain(`error: ${text}`);
    expect(stdout).not.toContain("x =");
    expect((await nuncio(["translate", good], withEnvoy)).stdout).toContain("x = 1");
  });

  it("is not judged where there is no Envoy, or one that does not start, and that is said", async () => {
    for (const path of ["/nowhere/envoy", "/bin/false"]) {
      const { code, stderr } = await nuncio(["check", bad], { env: { NUNCIO_ENVOY: path } });
      expect(code).toBe(0);
      expect(stderr).toContain(
        "note: 1 content that only Envoy can judge (scripts, certificates, formats) went unjudged",
      );
    }
  });

  it("starts no Envoy where there is none of it", async () => {
    const plain = directoryWith({ "a.yaml": `${listener}---\n${routed}` });
    expect(await nuncio(["check", plain], { env: { NUNCIO_ENVOY: "/bin/false" } })).toMatchObject({
      code: 0,
      stderr: "",
    });
    fs.rmSync(plain, { recursive: true });
  });
});
