"""export: a trained model with all that says where it comes from, as a folder that can be shipped.

In: the outputs of `train` and `evaluate`, params.yaml, dvc.lock, the training's MLflow run. Out: a folder with

    model.json, weights.safetensors     the model, as any `--model` takes it
    params.yaml, dvc.lock               what made it: `dvc repro` with these at the commit of model.json repeats it
    run.json                            its MLflow run: parameters, tags, every metric at every step
    scores/                             table.csv, scores.csv, test.json, speed.csv, pictures
    network.onnx                        with --onnx: the network for other runtimes, which says how to use it
    MODEL_CARD.md                       data, training, scores with intervals, weakest tracks, speed
"""
