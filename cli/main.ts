#!/usr/bin/env node
import module from "node:module";
import { Command, CommanderError } from "commander";
import { FatalError } from "../runtime/fatal.ts";
import type { AdmissionFlags } from "../runtime/admission/settings.ts";
import type { RunFlags } from "../runtime/settings.ts";
import { envoyVersion, version } from "./assets.ts";
import { bundleCommand } from "./bundle/command.ts";
import { checkCommand } from "./check/command.ts";
import { explainCommand } from "./explain/command.ts";
import { completionCommand } from "./completion/command.ts";
import type { ControlPlaneFlags } from "./control-plane.ts";
import { planCommand } from "./plan/command.ts";
import { exitCodes } from "./output/exit-codes.ts";
import { proxiesCommand, statusCommand, waitCommand } from "./status/commands.ts";
import { translateCommand } from "./translate/command.ts";
import { programName, withOwnName } from "./program-name.ts";

function withRunOptions(command: Command): Command {
  return command
    .option(
      "--config <path>",
      "standalone: a directory or file of manifests, watched; without it, the cluster of KUBECONFIG or the one we run in",
    )
    .option("--admin-port <port>", "port of /healthz, /readyz and /metrics (default 8877)")
    .option("--envoy <path>", "the Envoy binary (default: the one that set-up installed)")
    .option(
      "--drain-delay <seconds>",
      "how long to answer 503 on /readyz before connections drain at SIGTERM (default: 5 in a cluster, 0 standalone)",
    )
    .option("--stats <which>", "Envoy's statistics: default (a small set, half the memory) or all")
    .option(
      "--route-matching <how>",
      "list: routes in order; tree: by path prefix, quick at any number; auto (default): a tree from 65 routes a host on",
    )
    .option("--run-dir <path>", "where sockets and Envoy's bootstrap are kept while running")
    .option("--log-level <level>", "error, warn, info or debug (default info)");
}

// What each command imports is compiled once per machine, not once per call. Node.js 20 has no such cache.
(module as Partial<typeof module>).enableCompileCache?.();

const program = withOwnName(new Command(programName(process.argv[1])))
  .description("A Kubernetes API gateway: Kubernetes resources in, Envoy configuration out, live.")
  .version(`nuncio ${version}${envoyVersion === undefined ? "" : ` (Envoy ${envoyVersion})`}`, "-V, --version")
  .showHelpAfterError(`(try ${programName(process.argv[1])} --help)`)
  .addHelpText(
    "after",
    `
Examples:
  nuncio run --config examples/       serve the manifests of a directory, without a cluster
  nuncio check manifests/             what is wrong with manifests, and what to write instead
  nuncio check --from cluster         what is wrong with what is in force

Exit codes: 0 fine, 1 findings, 2 used wrongly, 3 no answer. All commands: docs/cli.md.`,
  )
  .exitOverride();

withRunOptions(program.command("run"))
  .description("run the gateway: Envoy and its control plane")
  .option("--shadow", "serve nothing: compile what is there, report problems, write nothing to the cluster")
  .addHelpText(
    "after",
    "\nExample:\n  nuncio run --config examples/     serve the manifests of a directory, without a cluster\n\nThe AMBASSADOR_* variables of Emissary-ingress are read: see docs/environment.md.",
  )
  .action(async (flags: RunFlags) => {
    const { run } = await import("./run.ts");
    process.exitCode = await run(flags);
  });

withRunOptions(program.command("control-plane", { hidden: true }))
  .requiredOption("--control-socket <path>")
  .requiredOption("--xds-socket <path>")
  .requiredOption("--envoy-admin-socket <path>")
  .action(async (flags: ControlPlaneFlags) => {
    const { controlPlane } = await import("./control-plane.ts");
    await controlPlane(flags);
  });

program
  .command("admission")
  .description("judge changes for the Kubernetes API server: the process behind the ValidatingWebhookConfiguration")
  .option("--port <port>", "where the API server asks, by HTTPS (default 8443; NUNCIO_ADMISSION_PORT)")
  .option("--cert <path>", "certificate and chain in PEM form, read again when it changes (NUNCIO_ADMISSION_CERT)")
  .option("--key <path>", "its private key (NUNCIO_ADMISSION_KEY)")
  .option(
    "--certificates <from>",
    "files: --cert and --key (default); own: made by the process, in a Secret of its namespace, and trusted by the API server (NUNCIO_ADMISSION_CERTIFICATES)",
  )
  .option(
    "--convert",
    "with own certificates: convert v1 and v2 for the CRDs of manifests/crds-legacy.yaml (NUNCIO_ADMISSION_CONVERT)",
  )
  .option("--mutate", "rewrite deprecated spellings as manifests/mutate.yaml asks (NUNCIO_ADMISSION_MUTATE)")
  .option(
    "--name <name>",
    "with own certificates: name of the Service and of the webhook configurations (default nuncio-admission; NUNCIO_ADMISSION_NAME)",
  )
  .option(
    "--url <url>",
    "with own certificates: where the API server asks instead of the Service (NUNCIO_ADMISSION_URL)",
  )
  .option("--admin-port <port>", "port of /healthz, /readyz and /metrics (default 8877)")
  .option("--drain-delay <seconds>", "how long to go on answering after SIGTERM, with 503 on /readyz (default 5)")
  .option("--log-level <level>", "error, warn, info or debug (default info)")
  .addHelpText(
    "after",
    "\nExample:\n  nuncio admission --certificates own     as manifests/install.yaml has it\n\nThe cluster is that of KUBECONFIG, or the one we run in.",
  )
  .action(async (flags: AdmissionFlags) => {
    const { admission } = await import("./admission.ts");
    await admission(flags);
  });

program
  .command("admission-certificate")
  .description(
    "print a new certificate for the admission webhook of manifests/install.yaml, as a Secret, and the API server's trust in it",
  )
  .option("--days <number>", "how long it is good for", "3650")
  .addHelpText(
    "after",
    "\nExample:\n  nuncio admission-certificate | kubectl apply --server-side --field-manager=nuncio-certificate -f -",
  )
  .action(async (flags: { days: string }) => {
    const { admissionCertificate } = await import("./admission-certificate.ts");
    process.stdout.write(await admissionCertificate(flags.days, new Date()));
  });

// Each in a file of its own. addCommand hands nothing down by itself.
const commands = [
  ...[checkCommand(), planCommand(), explainCommand()],
  ...[statusCommand(), proxiesCommand(), waitCommand()],
  ...[translateCommand(), bundleCommand(), completionCommand()],
];
for (const command of commands) program.addCommand(command.copyInheritedSettings(program));

program
  .command("migrate")
  .description("rewrite manifests of getambassador.io/v1 and v2, and deprecated spellings, as today's v3alpha1")
  .argument("<path...>", "directories or files of manifests")
  .option("--in-place", "rewrite the files, instead of printing them")
  .option("--check", "write and print nothing: exit 1 when something would be rewritten")
  .addHelpText(
    "after",
    "\nExample:\n  nuncio migrate --in-place manifests/     annotations of Services and Ingresses too; comments stay\n\nStandard error tells what was rewritten, and what is left to you (exit 1). See docs/migrate.md.",
  )
  .action(async (paths: string[], { inPlace = false, check = false }: { inPlace?: boolean; check?: boolean }) => {
    const { migrateFiles } = await import("./migrate.ts");
    process.exitCode = migrateFiles(paths, { inPlace, check }, process.env, {
      out: (text) => process.stdout.write(text),
      error: (line) => process.stderr.write(`${line}\n`),
    });
  });

// A reader that has seen enough (`nuncio check DIR | head`) is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit();
});

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : exitCodes.usage;
  else if (error instanceof FatalError) {
    process.stderr.write(`nuncio: ${error.message}\n`);
    process.exitCode = error.exitCode;
  } else throw error;
}
