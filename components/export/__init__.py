"""The step `export`: copies a trained model, its scores and its origin to a folder that can be shipped.

Input: the outputs of `train` and `evaluate`, params.yaml, dvc.lock, the training's MLflow run. Output: a folder with

    model.json, weights.safetensors     the model, as every `--model` takes it
    params.yaml, dvc.lock               `dvc repro` with these at the commit in model.json repeats the training
    run.json                            the MLflow run: parameters, tags, every metric at every step
    scores/                             table.csv, scores.csv, test.json, speed.csv, pictures
    network.onnx                        with --onnx: the network for other runtimes; its metadata says how to call it
    MODEL_CARD.md                       data, training, scores with intervals, weakest tracks, speed
"""
