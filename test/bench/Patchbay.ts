/**
 * The pipelines as a user runs them: on Node, sending with undici.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { ReachAuth, ReachClient } from "effect-patchbay"
import { NodeDecompression, NodeHttp, NodeMemory } from "effect-patchbay/node"
import type { Job, Prepare } from "./Contender.ts"
import * as Pipelines from "./Pipelines.ts"

type Needs = FileSystem.FileSystem | ReachClient.ReachClient | Scope.Scope

const reach = ({ url }: Job) =>
  ReachClient.layer({ baseUrl: url, auth: ReachAuth.token(Redacted.make("bench")) }).pipe(
    Layer.provide(NodeHttp.layer),
    Layer.orDie
  )

const running =
  <E>(pipeline: (job: Job) => Effect.Effect<number, E, Needs>): Prepare =>
  async (job) => {
    const effect = pipeline(job)
    return () =>
      effect.pipe(
        Effect.scoped,
        Effect.provide([reach(job), NodeDecompression.layer, NodeMemory.layer, NodeServices.layer]),
        Effect.runPromise
      )
  }

export const everything = running(Pipelines.everything)
export const fromNdjson = running(Pipelines.fromNdjson)
export const mapped = running(Pipelines.mapped)
export const dated = running(Pipelines.dated)
export const undated = running(Pipelines.undated)
export const queued = running(Pipelines.queued)
export const outcomes = running(Pipelines.outcomes)
export const calls = running(Pipelines.calls)
export const fromGzip = running(Pipelines.fromGzip)
export const fromUtf16 = running(Pipelines.fromUtf16)
export const read = running(Pipelines.read)
export const encode = running(Pipelines.encode)
export const transcode = running(Pipelines.transcode)
export const transcodeNdjson = running(Pipelines.transcodeNdjson)
export const batch = running(Pipelines.batch)
export const dispatch = running(Pipelines.dispatch)
export const send = running(Pipelines.send)
