import { Command, Option } from "commander";
import type { ExplainFlags } from "./explain.ts";
import { paintFor } from "../output/colour.ts";
import { outputOption } from "../output/format.ts";
import { withStateOptions } from "../state/options.ts";

const examples = `
Examples:
  nuncio explain GET https://api.example.com/orders/7 --from manifests/
  nuncio explain POST http://api.example.com/orders -H 'x-beta: 1' -H 'content-type: application/json'
  nuncio explain GET https://api.example.com/ --sni www.example.com       another server name than the host
  nuncio explain GET https://api.example.com/ -o json | jq .answer

It sends nothing: the configuration that the gateway would make is asked. See docs/explain.md.
Exit codes: 0 a route is taken, 1 none is, 2 used wrongly, 3 no answer.`;

function collect(line: string, lines: readonly string[]): readonly string[] {
  return [...lines, line];
}

export function explainCommand(): Command {
  const headers = new Option("-H, --header <line>", "a header, as 'name: value'; may be given several times")
    .default([], "none")
    .argParser(collect);
  return withStateOptions(new Command("explain"))
    .description("tell which Mapping takes a request, why, and what becomes of it")
    .argument("<method>", "the request's method, such as GET")
    .argument("<url>", "its URL, with http:// or https://")
    .addOption(headers)
    .option("--port <port>", "the Listener's port (default: a Listener that serves the scheme)")
    .option("--sni <name>", "the server name in the TLS handshake (default: the URL's host)")
    .option("--client-ip <address>", "where the request comes from (default: 127.0.0.1)")
    .option("--random <number>", "what is drawn where weights decide, 0 to 99 (default: 0)")
    .option("--all", "tell of every route that is not taken")
    .addOption(outputOption("table", "json", "yaml"))
    .addHelpText("after", examples)
    .action(async (method: string, url: string, flags: ExplainFlags) => {
      const { explain } = await import("./explain.ts");
      process.exitCode = await explain(method, url, flags, {
        env: process.env,
        paint: paintFor(process.stdout, process.env),
        nowMs: Date.now(),
        out: (text) => process.stdout.write(text),
        note: (line) => process.stderr.write(`${line}\n`),
      });
    });
}
