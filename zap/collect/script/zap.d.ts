// Types of Zap's script for pages (zap.js). Save this file beside your own sources, or
// name it in tsconfig.json under "files".

declare namespace Zap {
  /** What JSON can say. Anything else of an event is turned into it, or left out. */
  type Json = string | number | boolean | null | undefined | Json[] | { [name: string]: Json };
  type Properties = { [name: string]: Json };

  /** Who asks, as the API or your own server has signed it. */
  interface Visitor {
    anonymous_id: string;
    token: string;
    /** Seconds since 1970, from which on the token is refused. */
    expires: number;
  }

  interface Reason {
    place: number;
    type: string;
    /** Microseconds since 1970. */
    timestamp: number;
    change: number;
  }

  interface Prediction {
    prediction_id: string;
    application: string;
    version: string;
    /** Of the outcome; of classes `probabilities`, of an amount `amount` is there. */
    probability?: number;
    probabilities?: { [name: string]: number };
    amount?: number;
    segment?: "very high" | "high" | "medium" | "low" | "very low" | (string & {});
    /** How many events the model saw. */
    events: number;
    /** The moment that it is for, in microseconds since 1970. */
    instant_us: number;
    reasons?: Reason[];
  }

  interface Options {
    /** By how much each of the last events moves the score. */
    explain?: number;
  }

  /** A prediction that is not told: `code` says why, where the API has answered. */
  interface PredictionError extends Error {
    code?: string;
  }

  interface Script {
    /** Something that the visitor did. */
    track(type: string, properties?: Properties): void;
    /** From now on the visitor is known by this id, until `reset`. */
    identify(user_id: string | number, traits?: Properties): void;
    /** Forgets who the visitor is: the next event is of somebody new. */
    reset(): void;
    /** Uses an id that your own server has signed. */
    visitor(given: Visitor): void;
    /**
     * What is predicted of the page's visitor; null where the visitor asks not to be
     * tracked. Rejects with a `PredictionError`.
     */
    predict(application: string, options?: Options): Promise<Prediction | null>;
    /** Calls by name; `window.zap = window.zap || []` takes them before zap.js is there. */
    push(...calls: Call[]): void;
  }

  type Method = Exclude<keyof Script, "push" | "predict">;
  type Call = { [M in Method]: [M, ...Parameters<Script[M]>] }[Method];
}

declare const zap: Zap.Script;

interface Window {
  zap: Zap.Script | Zap.Call[];
}
