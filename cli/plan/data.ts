import { type Answer, objectOf, rewriteOf } from "../../insight/plan/answer.ts";
import type { Changes, Place } from "../../insight/plan/changes.ts";
import type { ObjectChange } from "../../insight/plan/overlay.ts";
import type { RequestChange } from "../../insight/plan/requests.ts";
import { answerText, clusterText, requestText } from "../../insight/plan/tell.ts";
import { formatPath, type ObjectRef, type Problem } from "../../ir/problem.ts";
import type { Told } from "./plan.ts";
import { valuesOf } from "./values.ts";

/** A plan for programs, as plain data. */
export function planData({ from, objects, plan, problems, lastGood }: Told): unknown {
  return {
    from,
    lastGood: lastGood.map(refData),
    objects: objects.map(objectData),
    envoy: {
      listeners: changesData(plan.listeners, ({ name }) => name),
      virtualHosts: plan.virtualHosts.map(({ before, after, routes }) => ({
        change: before === undefined ? "added" : after === undefined ? "removed" : "changed",
        ...placeData((after ?? before) as Place),
        certificate: { before: before?.chain.tls?.certificateSecret, after: after?.chain.tls?.certificateSecret },
        routes: changesData(routes, ({ name }) => name),
      })),
      clusters: changesData(plan.clusters, ({ name }) => name),
      secrets: changesData(plan.secrets, (name) => name),
      filters: changesData(plan.filters, ({ name }) => name),
      tcp: changesData(plan.tcp, ({ listener, chain }) => `${listener.name} ${chain.name}`),
      drains: plan.drains,
    },
    requests: plan.requests.map(requestData),
    requestsNotTried: plan.unasked,
    findings: plan.findings,
    problems: problems.map(problemData),
  };
}

function objectData({ kind, object, fields }: ObjectChange): unknown {
  return {
    change: kind,
    object: refData(object),
    fields: fields.map((field) => ({ path: formatPath(field.path), ...valuesOf(field) })),
  };
}

function refData({ kind, namespace, name }: ObjectRef): unknown {
  return { kind, namespace, name };
}

function placeData({ listener, chain, virtualHost }: Place): object {
  return { listener: listener.name, tls: chain.tls !== undefined, domain: virtualHost.domain };
}

function changesData<T>({ added, changed, removed }: Changes<T>, nameOf: (item: T) => string): unknown {
  return {
    added: added.map(nameOf),
    changed: changed.map(({ after }) => nameOf(after)),
    removed: removed.map(nameOf),
  };
}

function requestData({ request, before, after, respects }: RequestChange): unknown {
  return { text: requestText(request), request, respects, before: answerData(before), after: answerData(after) };
}

function answerData(answer: Answer): unknown {
  const { shares, lostPercent, nobody, clientCertificate } = answer;
  return {
    text: answerText(answer),
    ...(nobody === undefined ? { lostPercent } : { nobody }),
    clientCertificate,
    shares: shares.map(({ percent, route, cluster, auth }) => {
      const [rewrite, hostRewrite] = rewriteOf(route);
      return {
        percent,
        object: refData(objectOf(route)),
        action: route.action,
        ...(cluster === undefined ? {} : { target: clusterText(cluster) }),
        authorization: auth.kind,
        rewrite,
        hostRewrite,
      };
    }),
  };
}

function problemData({ code, severity, object, path, message, advice }: Problem): unknown {
  const { origin } = object;
  const place = origin === undefined ? {} : { file: origin.file, line: origin.lineOf(path) };
  return { code, severity, object: refData(object), path: formatPath(path), message, advice, ...place };
}
