/**
 * The cluster that executes syncs: Effect's own, with its storage in PostgreSQL.
 *
 * @since 0.1.0
 */
import * as NodeClusterSocket from "@effect/platform-node/NodeClusterSocket"
import type * as ConfigError from "effect/Config"
import * as ClusterWorkflowEngine from "effect/cluster/ClusterWorkflowEngine"
import type * as MessageStorage from "effect/cluster/MessageStorage"
import * as RunnerAddress from "effect/cluster/RunnerAddress"
import type * as Sharding from "effect/cluster/Sharding"
import * as Duration from "effect/Duration"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as SocketServer from "effect/socket/SocketServer"
import type * as SqlClient from "effect/sql/SqlClient"
import type * as WorkflowEngine from "effect/workflow/WorkflowEngine"

/**
 * How the machines of a cluster find out about each other.
 *
 * @category configuration
 * @since 0.1.0
 */
export interface Options {
  /**
   * How long a runner that gives no sign of life keeps what it runs. Another one goes on with it about so long after its
   * death, and at once where it has ended by itself. At least 2 seconds. Default: 10 seconds.
   */
  readonly takeOverAfter?: Duration.Input | undefined
}

/**
 * Where a runner is reached.
 *
 * @category configuration
 * @since 0.1.0
 */
export interface RunnerOptions extends Options {
  /** The host by which the other runners reach it. Default: `127.0.0.1`. */
  readonly host?: string | undefined
  readonly port: number
}

/**
 * What a cluster gives to those who use it.
 *
 * @category models
 * @since 0.1.0
 */
export type Services = MessageStorage.MessageStorage | Sharding.Sharding | WorkflowEngine.WorkflowEngine

/**
 * A runner: it executes the syncs whose layers are beside it, and those of runners that are gone.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerRunner = ({
  host = "127.0.0.1",
  port,
  takeOverAfter
}: RunnerOptions): Layer.Layer<
  Services,
  ConfigError.ConfigError | SocketServer.SocketServerError,
  SqlClient.SqlClient
> => {
  const address = Option.some(RunnerAddress.make(host, port))
  return ClusterWorkflowEngine.layer.pipe(
    Layer.provideMerge(
      NodeClusterSocket.layer({
        storage: "sql",
        shardingConfig: { ...timing(takeOverAfter), runnerAddress: address, runnerListenAddress: address }
      })
    )
  )
}

/**
 * Starts syncs, and executes none.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerClient = ({
  takeOverAfter
}: Options = {}): Layer.Layer<Services, ConfigError.ConfigError, SqlClient.SqlClient> =>
  ClusterWorkflowEngine.layer.pipe(
    Layer.provideMerge(
      NodeClusterSocket.layer({ storage: "sql", clientOnly: true, shardingConfig: timing(takeOverAfter) })
    )
  )

// What runners share is parts of runs. Each shard is a lock of its own, which is taken, refreshed and given back.
const shards = 64

// A lock is refreshed four times while it lasts, and whoever is silent is asked three times.
const timing = (takeOverAfter: Duration.Input = "10 seconds") => {
  const lasts = Math.max(2000, Duration.toMillis(Duration.fromInputUnsafe(takeOverAfter)))
  return {
    shardsPerGroup: shards,
    shardLockExpiration: lasts,
    shardLockRefreshInterval: lasts / 4,
    runnerHealthCheckInterval: lasts / 3
  }
}
