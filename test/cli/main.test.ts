import fs from "node:fs";
import path from "node:path";
import { describe, expect, it } from "@jest/globals";
import { envoyVersion, root } from "../../hack/paths.mjs";
import { freePort } from "../cluster/loopback.ts";
import { directoryWith, nuncio } from "./nuncio.ts";

describe("nuncio", () => {
  it("prints its version, with the Envoy it belongs to once it is bundled", async () => {
    const { version } = JSON.parse(fs.readFileSync(path.join(root, "package.json"), "utf8")) as { version: string };
    const bundled = await nuncio(["--version"], { program: "dist/nuncio.js" });
    expect(bundled).toEqual({ code: 0, stdout: `nuncio ${version} (Envoy ${envoyVersion})\n`, stderr: "" });
    expect((await nuncio(["-V"])).stdout).toBe("nuncio development\n");
  });

  it("lists its commands with --help, and a command's options with COMMAND --help", async () => {
    const { code, stdout } = await nuncio(["--help"]);
    expect(code).toBe(0);
    expect([...stdout.matchAll(/^ {2}(\w[\w-]*) /gm)].map(([, name]) => name)).toEqual(
      expect.arrayContaining(["run", "check", "translate"]),
    );
    // Started by the gateway itself.
    expect(stdout).not.toContain("control-plane");
    const ofCheck = await nuncio(["check", "--help"]);
    expect(ofCheck.code).toBe(0);
    expect(ofCheck.stdout).toContain("--errors-only");
    expect((await nuncio(["help", "translate"])).stdout).toContain("--show-secrets");
  });

  it("exits with 2 without a command, and for one that it does not have", async () => {
    expect((await nuncio([])).code).toBe(2);
    const { code, stderr } = await nuncio(["chekc", "examples"]);
    expect(code).toBe(2);
    expect(stderr).toContain("error: unknown command 'chekc'\n(Did you mean check?)");
  });

  it("starts nothing with a setting that cannot be used, and names all of them at once", async () => {
    const env = { ENVOY_CONCURRENCY: "many", AMBASSADOR_JSON_LOGGING: "perhaps" };
    const run = await nuncio(["run", "--config", "examples", "--admin-port", "http", "--log-level", "loud"], {
      cwd: root,
      env,
    });
    expect({ code: run.code, stdout: run.stdout }).toEqual({ code: 2, stdout: "" });
    expect(
      run.stderr
        .split("\n")
        .sort()
        .filter((line) => line !== ""),
    ).toEqual(
      [
        'nuncio: ENVOY_CONCURRENCY="many": write a whole number from 1 to 1024',
        '--admin-port="http": write a whole number from 1 to 65535',
        '--log-level="loud": write one of error, warn, info, debug',
        'AMBASSADOR_JSON_LOGGING="perhaps": write true or false',
      ].sort(),
    );
  });

  it("says what to do when there is no Envoy at the path given, and when the manifests are not there", async () => {
    const noEnvoy = await nuncio(["run", "--config", "examples", "--envoy", "/nowhere/envoy"], { cwd: root });
    expect(noEnvoy).toEqual({
      code: 1,
      stdout: "",
      stderr: "nuncio: there is no Envoy at /nowhere/envoy; name the binary with --envoy PATH\n",
    });
    for (const args of [
      ["run", "--config", "/nowhere"],
      ["check", "/nowhere"],
    ]) {
      const missing = { code: 2, stdout: "", stderr: "nuncio: there is no file or directory /nowhere\n" };
      expect(await nuncio(args)).toEqual(missing);
    }
  });

  it("says once that the cluster cannot be reached as the kubeconfig says, and starts nothing again", async () => {
    const directory = directoryWith({ kubeconfig: "apiVersion: v1\nkind: Config\n" });
    const kubeconfig = path.join(directory, "kubeconfig");
    try {
      const port = String(await freePort());
      const { code, stderr } = await nuncio(["run", "--admin-port", port, "--run-dir", path.join(directory, "run")], {
        env: { KUBECONFIG: kubeconfig },
      });
      const beyondLimits = stderr.split("\n").filter((line) => !line.includes(" info  supervisor: limits of Envoy "));
      expect(beyondLimits).toEqual([
        expect.stringMatching(/^\S+ error supervisor: KUBECONFIG \(\S+\) names no current-context; /),
        "",
      ]);
      expect(code).toBe(2);
    } finally {
      fs.rmSync(directory, { recursive: true });
    }
  });
});
