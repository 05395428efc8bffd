/**
 * The disk of this computer and the store of a scheduler as simulated processes reach them: real files, in virtual time, one operation
 * after the other, and none once the process has been killed.
 */
import { afterwards, type Operator, type Output } from '../../runtime/operator.js'
import { eventLoopSlices } from '../../runtime/time-slice.js'
import { WriteCoordinator } from '../../commit/coordinator.js'
import { directoryCommitter } from '../../commit/directory-committer.js'
import { fileCommitter } from '../../commit/file-committer.js'
import { nodeCommitFs, type CommitFs } from '../../commit/file-system.js'
import { fail } from '../../common/errors.js'
import type { KeyValueStore } from '../../kv/kv-store.js'
import { takeOver } from '../../kv/take-over.js'
import type { OperatorDefinition } from '../../physical/plan.js'
import type { Disks } from './cluster.js'
import type { Machine } from './machine.js'
import type { World } from './world.js'

const NEED_ROOM = ['makeDirectory', 'create', 'rename', 'link'] as const
const OTHERS = ['read', 'unlink', 'list', 'status', 'removeDirectory', 'sync'] as const

export interface DiskOperation {
  readonly machine: Machine
  /** A name of CommitFs; `transact` of the store, `stage` of a task. */
  readonly name: (typeof NEED_ROOM)[number] | (typeof OTHERS)[number] | 'transact' | 'stage'
}

export interface DiskWatch {
  /** Before each operation. */
  before(operation: DiskOperation): Promise<void>
  /** For those that need room: whether there is none. */
  isFull(): boolean
}

export class SimulatedDisk implements Disks {
  /** What a process that was killed has left open: its operating system would close that, and remove nothing. */
  readonly #leftOpen: (() => void)[] = []
  readonly #world: World
  /** Outlives the schedulers. */
  readonly #store: KeyValueStore
  readonly #watch: DiskWatch

  /** What an operation takes at most. */
  readonly #accessMs: number

  constructor(world: World, store: KeyValueStore, watch: DiskWatch, accessMs: number) {
    this.#accessMs = accessMs
    this.#world = world
    this.#store = store
    this.#watch = watch
  }

  async coordinating(machine: Machine): ReturnType<Disks['coordinating']> {
    const fs = this.#commitFs(machine)
    const running = new Map()
    return {
      state: await takeOver(this.#storeOf(machine)),
      writes: ({ intents }) => {
        if (intents === undefined) throw fail('INTERNAL', ['a scheduler with a store has intents'])
        const committers = [fileCommitter(fs, machine.name), directoryCommitter(fs, machine.name)]
        return new WriteCoordinator({ intents, committers, running })
      },
    }
  }

  staging(definition: OperatorDefinition, machine: Machine): OperatorDefinition {
    const { open } = definition
    if (definition.kind !== 'WriteExec' || open === undefined) return definition
    return {
      ...definition,
      open: (plan, ctx, ...rest) => this.#staged(open(plan, ctx, ...rest), machine),
    }
  }

  /** When nothing of the simulation runs any more. */
  close(): void {
    for (const close of this.#leftOpen.splice(0)) close()
  }

  async #access<T>(operation: DiskOperation, action: () => Promise<T>, full?: () => Error): Promise<T> {
    const { machine } = operation
    await machine.pause(this.#accessMs * machine.rng.next() * machine.slowness)
    await this.#watch.before(operation)
    if (!machine.alive) throw fail('INTERNAL', [`${machine.name} has been killed`])
    if (full !== undefined && this.#watch.isFull()) throw full()
    return this.#world.time.external(async () => {
      // However quick the disk is: after all that the event has set going.
      await eventLoopSlices.next()
      return action()
    })
  }

  #commitFs(machine: Machine): CommitFs {
    // Of a process that is killed, nothing is lost that was not synced.
    const disk = { ...nodeCommitFs(machine.name), sync: () => Promise.resolve() }
    const operation = (name: keyof CommitFs, full?: () => Error): [string, (...args: string[]) => Promise<unknown>] => {
      const perform = disk[name] as (...args: string[]) => Promise<unknown>
      return [name, (...args) => this.#access({ machine, name }, () => perform(...args), full)]
    }
    return Object.fromEntries([
      ...NEED_ROOM.map(name => operation(name, noSpace)),
      ...OTHERS.map(name => operation(name)),
    ]) as unknown as CommitFs
  }

  #storeOf(machine: Machine): KeyValueStore {
    const store = this.#store
    const full = (): Error => fail('STORE_FAILED', ['the store', noSpace().message])
    let last: Promise<unknown> = Promise.resolve()
    return {
      get: key => store.get(key),
      scan: prefix => store.scan(prefix),
      transact: change => {
        const done = last.then(() => this.#access({ machine, name: 'transact' }, () => store.transact(change), full))
        last = done.catch(() => undefined)
        return done
      },
      close: () => store.close(),
    }
  }

  /** Each batch that a task writes, and the end of its file, is one operation. */
  #staged(operator: Operator, machine: Machine): Operator {
    const full = (): Error => fail('FILE_NOT_WRITABLE', [machine.name, 'a part', noSpace().message])
    const drain = async (output: Output): Promise<void> => {
      for await (const _ of output ?? []) throw fail('INTERNAL', ['WriteExec gives no rows'])
    }
    const access = (output: () => Output): AsyncIterable<never> =>
      afterwards(() => this.#access({ machine, name: 'stage' }, () => drain(output()), full))
    return {
      push: batch => access(() => operator.push(batch)),
      finish: () => access(() => operator.finish?.()),
      close: () => {
        if (machine.alive) operator.close?.()
        else this.#leftOpen.push(() => operator.close?.())
      },
    }
  }
}

const noSpace = (): Error => Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
