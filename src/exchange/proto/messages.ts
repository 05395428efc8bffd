/** The messages of the .proto files as the loader gives them: camelCase, 64-bit numbers as numbers, bytes as Buffer, every scalar present. */

export interface Hello {
  readonly protocolVersion: number
  readonly version: string
  readonly jobId: string
  readonly consumer: string
  readonly reconnectMs: number
  readonly call: number
}

export interface ChannelOpen {
  readonly channel: number
  readonly edge: number
  readonly producer: number
  readonly partition: number
  readonly creditBytes: number
  readonly received: number
}

export interface Credit {
  readonly channel: number
  readonly creditBytes: number
  readonly received: number
}

export interface Cancel {
  readonly channel: number
}

export interface Bye {
  readonly channel: number
  readonly batches: number
  readonly rows: number
}

export interface ToProducer {
  /** Name of the field that is set; what is sent need not name it. */
  readonly message?: 'hello' | 'open' | 'credit' | 'cancel' | 'bye'
  readonly hello?: Hello
  readonly open?: ChannelOpen
  readonly credit?: Credit
  readonly cancel?: Cancel
  readonly bye?: Bye
}

export interface HelloAck {
  readonly protocolVersion: number
  readonly version: string
}

export interface Frame {
  readonly channel: number
  readonly seq: number
  readonly rows: number
  readonly more: boolean
  readonly checksum: number
  readonly payload: Uint8Array
}

/** A frame on its way out. */
export interface FrameToSend extends Frame {
  /** Its payload must not be read any more, and nobody waits for it: an empty message is sent. */
  isGone?(): boolean
}

export interface Eos {
  readonly channel: number
  readonly frames: number
  readonly batches: number
  readonly rows: number
  readonly bytes: number
}

export interface Failure {
  readonly channel: number
  readonly error: Uint8Array
}

export interface ToConsumer {
  readonly message?: 'helloAck' | 'frame' | 'eos' | 'failure'
  readonly helloAck?: HelloAck
  readonly frame?: FrameToSend
  readonly eos?: Eos
  readonly failure?: Failure
}

/** A frame as it arrived: its payload in a block of the arena, the reference of which is whoever's has the frame. */
export interface ArrivedFrame extends Omit<Frame, 'payload'> {
  readonly block: number
  /** Where the payload begins, from the start of the block. */
  readonly start: number
  readonly bytes: number
}

/** ToConsumer as it arrived. */
export interface ArrivedMessage extends Omit<ToConsumer, 'frame'> {
  readonly frame?: ArrivedFrame
}

/** What is in use on a node now; see node.proto. */
export interface NodeStats {
  readonly role: string
  readonly executors: number
  readonly jobs: number
  readonly runningTasks: number
  readonly openCalls: number
  readonly queuedBytes: number
  readonly arenaBytes: number
  readonly reservedBytes: number
  readonly openFiles: number
  readonly bytesRead: number
  readonly bytesSent: number
  readonly cpuMs: number
  readonly peakRssBytes: number
  readonly exposed: number
}

/** Executor to scheduler. */
export interface ExecutorMessage {
  readonly message?: 'register' | 'heartbeat' | 'taskStatus' | 'launchFailed' | 'leave' | 'drain'
  readonly register?: Register
  readonly heartbeat?: Heartbeat
  readonly taskStatus?: TaskStatus
  readonly launchFailed?: LaunchFailed
  readonly leave?: object
  readonly drain?: object
}

export interface Register {
  readonly protocolVersion: number
  readonly version: string
  readonly executorId: string
  readonly incarnation: string
  readonly host: string
  readonly port: number
  readonly slots: number
}

export interface Heartbeat {
  readonly runningTasks: number
  readonly stats?: NodeStats
  /** StageProgress[] as tagged JSON. */
  readonly progress: Uint8Array
}

export interface TaskStatus {
  readonly jobId: string
  /** TaskReport as tagged JSON. */
  readonly report: Uint8Array
}

export interface LaunchFailed {
  readonly jobId: string
  readonly error: Uint8Array
}

/** Scheduler to executor. */
export interface SchedulerMessage {
  readonly message?: 'registered' | 'launchTasks' | 'cancelJob' | 'lease' | 'drain'
  readonly registered?: Registered
  readonly launchTasks?: LaunchTasks
  readonly cancelJob?: CancelJob
  readonly lease?: object
  readonly drain?: object
}

export interface Registered {
  readonly protocolVersion: number
  readonly version: string
  readonly heartbeatMs: number
  readonly address: string
  readonly leaseMs: number
  readonly stateId: string
  readonly epoch: number
}

export interface LaunchTasks {
  readonly jobId: string
  /** A piece of a JobDefinition as tagged JSON. */
  readonly body: Uint8Array
  readonly more: boolean
}

export interface CancelJob {
  readonly jobId: string
  /** ErrorInfo as tagged JSON; empty when the job has succeeded. */
  readonly reason: Uint8Array
}

/** Client to scheduler: a piece of the request. */
export interface QueryRequest {
  readonly protocolVersion: number
  readonly version: string
  readonly body: Uint8Array
  readonly more: boolean
  readonly progress: boolean
}

export interface QueryEvent {
  readonly message?: 'accepted' | 'failed' | 'finished' | 'progress'
  readonly accepted?: Accepted
  readonly failed?: { readonly error: Uint8Array }
  readonly finished?: Finished
  /** JobSummary as tagged JSON. */
  readonly progress?: { readonly job: Uint8Array }
}

export interface Accepted {
  readonly jobId: string
  /** `host:port` of the exchange service that has the result. */
  readonly address: string
  readonly edge: number
  /** Schema as tagged JSON. */
  readonly schema: Uint8Array
  readonly attempt: number
  readonly once: boolean
}

export interface Finished {
  /** EXPLAIN ANALYZE: string[][] as tagged JSON, the rows that stand for the result; else empty. */
  readonly explanation: Uint8Array
}
