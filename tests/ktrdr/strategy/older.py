"""Strategy files of the older forms, as users have them."""

from __future__ import annotations

from ktrdr.strategy.migration import Migration, migrate

V2 = """\
# === STRATEGY IDENTITY ===
name: "trend_1.5"
description: "RSI, ADX and MACD"
version: "2.0"
hypothesis: "Momentum persists"
scope: universal
training_data:
  symbols:
    mode: single_symbol
    list: [EURUSD]
  timeframes:
    mode: single_timeframe
    list: ["1h"]
    base_timeframe: "1h"
  history_required: 200
deployment:
  target_symbols: {mode: universal}
indicators:
  - name: rsi
    feature_id: rsi_14
    period: 14
    source: close
  - name: MACD
    feature_id: macd_12_26_9
    fast_period: 12
    slow_period: 26
    signal_period: 9
  - {name: ADX, feature_id: adx_14, period: 14, source: close}
  - {name: BollingerBands, feature_id: bb_20, period: 20.0, std_dev: 2.5}
fuzzy_sets:
  rsi_14:
    oversold: {type: triangular, parameters: [0, 30, 40]}
    neutral: {type: gaussian, parameters: [50, 10]}
    overbought: [60, 70, 100]
  ADX_14:
    weak: {type: trapezoid, parameters: [0, 0, 15, 25]}
    strong: {type: Triangle, parameters: [20, 60, 100]}
  DI_Plus_14:
    weak: {type: triangular, parameters: [0, 15, 25]}
  macd_12_26_9.histogram:
    bearish: {type: triangular, parameters: [-5, -2, 0]}
  bb_20:
    low: {type: triangular, parameters: [0, 1, 2]}
model:
  type: mlp
  architecture: {hidden_layers: [64, 32], activation: relu, output_activation: softmax, dropout: 0.2}
  features: {include_price_context: false, lookback_periods: 2, scale_features: true}
  training:
    learning_rate: 0.002
    batch_size: 32
    epochs: 50
    optimizer: Adam
    early_stopping: {enabled: true, patience: 15, min_delta: 0.001}
    analytics: {enabled: true}
decisions:
  output_format: classification
  confidence_threshold: 0.6
  position_awareness: true
  filters: {min_signal_separation: 4, volume_filter: false}
training:
  method: supervised
  labels: {source: zigzag, zigzag_threshold: 0.025, label_lookahead: 20}
  data_split: {train: 0.7, validation: 0.15, test: 0.15}
  date_range: {start: "2015-01-01", end: "2023-12-31"}
"""

V1 = """\
name: mean_reversion
version: "1.0"
data:
  symbols: [SPY, QQQ]
  timeframes: [4H, 1d]
  history_required: 250
indicators:
  - {name: rsi, period: 7, source: close}
  - {name: rsi, period: 14, source: close}
  - {name: stoch, k_period: 14, d_period: 3, smooth: 3}
fuzzy_sets:
  rsi_7:
    oversold: {type: triangular, parameters: [0, 5, 15]}
  rsi_14:
    oversold: {type: triangular, parameters: [0, 20, 35]}
  stochastic_14_3_3:
    oversold: {type: triangular, parameters: [0, 15, 30]}
  price_to_sma:
    below: {type: triangular, parameters: [0.9, 0.95, 1]}
model:
  type: mlp
  hidden_layers: [20, 10]
  input_size: 12
  output_size: 2
  training:
    learning_rate: 0.001
    weight_decay: 0.0001
    lr_scheduler: {type: ReduceLROnPlateau, factor: 0.5, patience: 20}
    early_stopping: {patience: 25, monitor: val_sharpe_ratio, mode: max}
  features: {include_price_context: true}
decisions:
  output_format: classification
  confidence_threshold: 0.7
  position_awareness: true
  timeframe_weights: {4h: 0.5}
orchestrator: {max_position_size: 0.9}
training:
  method: supervised
  labels: {source: zigzag, zigzag_threshold: 0.02, label_lookahead: 10}
  data_split: {train: 0.7, validation: 0.15, test: 0.15}
  fitness_metrics: {primary: sharpe_ratio}
risk_management: {risk_per_trade: 0.02}
backtesting: {start_date: "2020-01-01", initial_capital: 100000}
"""


def migrated_with(old: str, new: str, text: str = V2) -> Migration:
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in the example"
    return migrate(text.replace(old, new))


def left_behind(migration: Migration) -> dict[str, str]:
    return {problem.path: problem.message for problem in migration.left_behind}
