/** All that is installed, in the order of the manifest; the templates of the chart have the names of the sections. */
import { admissionBudget, admissionDeployment, admissionService, certificates, webhooks } from "./admission.ts";
import { gatewayBudget, gatewayDeployment, gatewayScaler } from "./gateway.ts";
import type { Names } from "./names.ts";
import { adminService, gatewayService, ingressClass, monitors, networkPolicies } from "./network.ts";
import { listeners, moduleObject, resolvers } from "./objects.ts";
import { accounts, admissionAccess, gatewayAccess } from "./rbac.ts";

export function sections(names: Names): ReadonlyMap<string, readonly unknown[]> {
  return new Map([
    ["serviceaccounts", accounts(names)],
    ["rbac", [...gatewayAccess(names), ...admissionAccess(names)]],
    ["networkpolicies", networkPolicies(names)],
    ["ingressclass", [ingressClass(names)]],
    ["service", [gatewayService(names)]],
    ["admin-service", [adminService(names)]],
    ["deployment", [gatewayDeployment(names)]],
    ["pdb", [gatewayBudget(names), admissionBudget(names)]],
    ["hpa", [gatewayScaler(names)]],
    ["admission-certificates", certificates(names)],
    ["admission-service", [admissionService(names)]],
    ["admission-deployment", [admissionDeployment(names)]],
    ["admission-webhooks", webhooks(names)],
    ["monitors", monitors(names)],
    ["listeners", listeners(names)],
    ["module", [moduleObject(names)]],
    ["resolvers", resolvers(names)],
  ]);
}
