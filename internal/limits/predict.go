package limits

import "time"

// Bounds of prediction (internal/predict).
const (
	// PredictQuestions is how many questions are counted in a window and how many remembered, about 200 bytes each.
	PredictQuestions = 50_000
	// PredictAsked is how often a question must be asked in a window to count: made-up names are asked once.
	PredictAsked = 2
	// PredictPeriod is the most windows remembered.
	PredictPeriod = 1024
	// PredictMargin is how long before its end an answer is renewed: an entry that has no more than 5 seconds left is replaced by
	// another of its kind.
	PredictMargin = 4 * time.Second
	// PredictLife is the shortest life of an answer worth keeping ready: others would be asked for all the time.
	PredictLife = 30 * time.Second
	// Predicting is how many questions are asked ahead at a time.
	Predicting = 16
	// PredictPace is the pause between questions asked ahead, so that they never make up more than a hundred a second.
	PredictPace = 10 * time.Millisecond
)
