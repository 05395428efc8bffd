/** Entry module of the worker threads that run tasks: all operators of the engine and its extensions, served until the pool closes. */
import { workerData } from 'node:worker_threads'
import { operatorTable } from '../runtime/run-pipelines.js'
import type { WorkerStart } from '../runtime/worker-pool.js'
import { EXCHANGE_OPERATORS } from './operators.js'
import { bringRegistry, registryOf, type Registry } from './registry.js'
import { serveTasks, type ThreadData } from './serve-tasks.js'

/** The modules are loaded here once more: code does not pass between threads. */
async function loaded({ extensions }: ThreadData): Promise<Registry> {
  if (extensions.length === 0) return registryOf([])
  const { loadExtension } = await import('./extension.js')
  return registryOf(await Promise.all(extensions.map(loadExtension)))
}

const registry = await loaded((workerData as WorkerStart).data as ThreadData)
bringRegistry(registry)
serveTasks(operatorTable(registry.operators, EXCHANGE_OPERATORS))
