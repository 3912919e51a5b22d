import { describe, expect, it } from "@jest/globals";
import { readAudit } from "../../hack/audit.ts";

describe("the answer of npm's audit", () => {
  it("is a list of what has advisories", () => {
    const ws = { name: "ws", severity: "high", range: "<8.17.1", via: [] };
    expect(readAudit({ auditReportVersion: 2, vulnerabilities: { ws } })).toEqual([ws]);
    expect(readAudit({ auditReportVersion: 2, vulnerabilities: {} })).toEqual([]);
  });

  it("is never taken for a clean one where the registry gave none", () => {
    expect(
      readAudit({ message: "405 Method Not Allowed - POST https://registry.example/audit", statusCode: 405 }),
    ).toBe("405 Method Not Allowed");
    expect(readAudit(undefined)).toBe("no answer");
  });
});
