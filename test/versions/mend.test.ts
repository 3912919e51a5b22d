import { describe, expect, it } from "@jest/globals";
import { mend } from "../../crds/versions/mend.ts";

const manifest = (...spec: readonly string[]): string =>
  ["apiVersion: getambassador.io/v3alpha1", "kind: Mapping", "metadata: { name: quote }", "spec:", ...spec, ""].join(
    "\n",
  );

const lines = (text: string): readonly string[] => text.split("\n").slice(4, -1);

describe("nuncio check --fix", () => {
  it("mends what only one thing can have been meant by, and leaves everything else as it is", () => {
    const { text, rewritten, failed } = mend(
      manifest(
        '  hostnme: "*" # everybody',
        "  prefix: /quote/",
        "  service:   quote",
        "  timeout_ms: 5s",
        "  host_redirct: 'True'",
        "  # again and again",
        "  retry_policy: { retry_on: 5XX, num_retries: '3' }",
      ),
    );
    expect(lines(text)).toEqual([
      '  hostname: "*" # everybody',
      "  prefix: /quote/",
      "  service:   quote",
      "  timeout_ms: 5000",
      "  host_redirect: true",
      "  # again and again",
      "  retry_policy: { retry_on: 5xx, num_retries: 3 }",
    ]);
    expect(failed).toEqual([]);
    expect(rewritten.map(({ line, object, what }) => `${line} ${object}: ${what}`)).toEqual(
      [
        "spec.timeout_ms -> 5000",
        'spec.retry_policy.retry_on -> "5xx"',
        "spec.retry_policy.num_retries -> 3",
        "spec.hostnme -> hostname",
        "spec.host_redirct -> host_redirect",
        "spec.host_redirect -> true",
      ].map((what) => `1 Mapping default/quote: ${what}`),
    );
  });

  it("leaves to people what is a guess", () => {
    for (const line of [
      "timeout: 5000", // of seconds, maybe
      "timeout_ms: soon",
      "timeout_ms: '5.5'",
      "weihgtt: 5", // two letters
      "prefxi: /other/", // beside the right one
      "docs: { pth: /x }", // of three letters
      "load_balancer: { policy: roundrobin }",
    ]) {
      const text = manifest("  prefix: /quote/", "  service: quote", `  ${line}`);
      expect(mend(text)).toMatchObject({ text, rewritten: [] });
    }
  });

  it("does not mend what would bring an error that nobody sees now", () => {
    const text = manifest("  prefix: /quote/", "  service: quote", "  retry_polcy: never");
    expect(mend(text)).toMatchObject({ text, rewritten: [] });
    const chain = manifest("  prefix: /quote/", "  service: quote", "  retry_polcy: { num_retries: '3' }");
    expect(lines(mend(chain).text).at(-1)).toBe("  retry_policy: { num_retries: 3 }");
  });

  it("writes deprecated spellings in today's words, and leaves older versions to nuncio migrate", () => {
    const text = manifest("  prefix: /quote/", "  service: quote", "  host: quote.example.com");
    expect(lines(mend(text).text).at(-1)).toBe("  hostname: quote.example.com");
    const older = text.replace("v3alpha1", "v2");
    expect(mend(older).text).toBe(older);
  });

  it("mends each object of a List and of several documents, and changes nothing more the second time", () => {
    const bad = (name: string) => ({
      apiVersion: "getambassador.io/v3alpha1",
      kind: "Mapping",
      metadata: { name },
      spec: { prefix: "/a/", service: "a", hostname: "*", rewrit: "/" },
    });
    const list = JSON.stringify({ apiVersion: "v1", kind: "List", items: [bad("a"), bad("b")] });
    const { text, rewritten } = mend(`${list}\n---\n${JSON.stringify(bad("c"))}\n`);
    expect(rewritten.map(({ object }) => object)).toEqual(["a", "b", "c"].map((name) => `Mapping default/${name}`));
    expect(text).not.toContain('rewrit"');
    expect(mend(text).text).toBe(text);
  });
});
