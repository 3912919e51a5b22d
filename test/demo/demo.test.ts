import { execFile } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { afterEach, describe, expect, it } from "@jest/globals";
import { root } from "../../hack/paths.mjs";
import { eventually } from "../support/eventually.ts";
import { DemoProcess, hold, paste } from "./demo-process.ts";

const started: DemoProcess[] = [];

function startDemo(): DemoProcess {
  const demo = new DemoProcess();
  started.push(demo);
  return demo;
}

afterEach(async () => {
  for (const demo of started.splice(0)) await demo.end();
});

/** Text by name: the demo edits copies. */
function examples(): Record<string, string> {
  const directory = path.join(root, "examples");
  return Object.fromEntries(
    fs.readdirSync(directory).map((name) => [name, fs.readFileSync(path.join(directory, name), "utf8")]),
  );
}

async function status(command: string): Promise<string> {
  const quiet = command.replace(/^curl (-i )?/, "curl -s -o /dev/null -w '%{http_code}' --noproxy '*' ");
  return (await promisify(execFile)("sh", ["-c", quiet])).stdout;
}

describe("npm run demo", () => {
  it("serves the examples, and everything it tells to try works as it says", async () => {
    const before = examples();
    const demo = startDemo();
    await demo.ready();
    expect(demo.output).not.toMatch(/^(warn|error): /m);
    const [request, edit, requestEdited, breakIt, requestBroken, ...more] = demo.commands();
    expect(more).toEqual([]);

    expect(JSON.parse(await paste(request ?? ""))).toMatchObject({ server: "quote" });

    await expect(paste(requestEdited ?? "")).rejects.toThrow("404");
    await paste(edit ?? "");
    const answer = await eventually("the edited route answers", () => paste(requestEdited ?? ""));
    expect(JSON.parse(answer)).toMatchObject({ server: "hello", path: "/" });
    await demo.printed(/^nuncio: live [\d.]+ ms after the change was seen$/m);

    await paste(breakIt ?? "");
    await demo.printed(
      /^error: \S+\/quote\.yaml:\d+: Mapping default\/quote: spec\.timeout_ms: "5s" is not an integer; write a number of milliseconds, for example 5000(?: \(its last good version keeps serving\))? \[InvalidField\]$/m,
    );
    expect(JSON.parse(await paste(requestBroken ?? ""))).toMatchObject({ server: "quote" });

    await paste((breakIt ?? "").replace("timeout_ms: 5000|timeout_ms: 5s", "timeout_ms: 5s|timeout_ms: 5000"));
    await demo.printed(/^config: all problems are solved$/m);
    await demo.printed(/^access: GET \/quote\/ -> 200 in \d+ ms from 127\.0\.0\.1:\d+$/m);

    expect(demo.processes().length).toBeGreaterThanOrEqual(3);
    demo.signal("SIGINT");
    expect(await demo.exited).toBe(0);
    expect(demo.processes()).toEqual([]);
    expect(fs.existsSync(demo.directory)).toBe(false);
    expect(demo.output).toMatch(/demo: stopped; nothing is left\n$/);
    expect(examples()).toEqual(before);
  });

  it("answers the requests that the first lines of the examples tell to try", async () => {
    const demo = startDemo();
    await demo.ready();
    const port = /curl http:\/\/127\.0\.0\.1:(\d+)\//.exec(demo.commands()[0] ?? "")?.[1] ?? "";
    const answered: Record<string, string[]> = {};
    for (const file of fs.readdirSync(demo.directory).filter((name) => name.endsWith(".yaml"))) {
      const [head = ""] = fs.readFileSync(path.join(demo.directory, file), "utf8").split("\napiVersion:");
      const commands = [...head.matchAll(/^# {3}(curl .*)$/gm)].map(([, command = ""]) =>
        command.replace(":8080/", `:${port}/`),
      );
      answered[file] = await Promise.all(commands.map((command) => status(command)));
    }
    expect(answered).toMatchObject({
      "quote.yaml": ["200", "200"],
      "host-names.yaml": ["200", "200"],
      "conditions.yaml": ["200", "200", "200", "200"],
      "redirect.yaml": ["302", "200"],
      "headers.yaml": ["200", "200"],
      "resilience.yaml": ["200", "503"],
    });
  });

  it("takes other ports when its own are taken, writes them into its copies and says so", async () => {
    const held = await Promise.all([8080, 8877, 9001].map((port) => hold(port)));
    const demo = startDemo();
    try {
      await demo.ready();
    } finally {
      for (const server of held) server.close();
    }
    const [, listenerPort] = await demo.printed(
      /^demo: 8080 is taken on this machine: the Listener's port in quote\.yaml is now (\d+)$/m,
    );
    const [, backendPort] = await demo.printed(
      /^demo: 9001 is taken on this machine: a backend's port in quote\.yaml is now (\d+)$/m,
    );
    const copy = fs.readFileSync(path.join(demo.directory, "quote.yaml"), "utf8");
    expect(copy).toContain(`\n  port: ${listenerPort}\n`);
    expect(copy).toContain(`service: http://127.0.0.1:${backendPort}\n`);
    expect(demo.commands()[0]).toBe(`curl http://127.0.0.1:${listenerPort}/quote/`);
    expect(demo.output).not.toContain("127.0.0.1:8877");
  }, 180_000);

  it("ends without a trace when it is told to while it starts", async () => {
    const demo = startDemo();
    await demo.printed(/^demo: gateway: starting/m);
    demo.signal("SIGTERM");
    expect(await demo.exited).toBe(0);
    expect(demo.processes()).toEqual([]);
    expect(fs.existsSync(demo.directory)).toBe(false);
  });
});
