import { expect, it } from "@jest/globals";
import { xdsResource } from "../../xds/resources/frame.ts";
import { DeltaDiscoveryResponse } from "../../xds/generated/envoy/service/discovery/v3/discovery.ts";

it("frames a resource as Envoy's own type decodes it", () => {
  const resource = xdsResource("cluster", "a-cluster", [Buffer.from("hello "), Buffer.from("world")]);
  const decoded = DeltaDiscoveryResponse.decode(resource.frame).resources?.[0];
  expect(decoded?.name).toBe("a-cluster");
  expect(decoded?.version).toBe(resource.version);
  expect(Buffer.from(decoded?.resource?.value ?? []).toString()).toBe("hello world");
});
